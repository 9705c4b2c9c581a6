"""What goes out, why, and what came back."""
