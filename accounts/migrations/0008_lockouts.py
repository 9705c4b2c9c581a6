from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_recovery_codes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Lockout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.BinaryField(max_length=16)),
                (
                    "kind",
                    models.CharField(
                        choices=[("password", "password"), ("factor", "second factor")], max_length=10
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("told", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "accounts_lockout",
                "indexes": [models.Index(fields=["last_at"], name="lockout_last_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "kind"), name="one_lockout_a_key_and_kind")
                ],
            },
        ),
    ]
