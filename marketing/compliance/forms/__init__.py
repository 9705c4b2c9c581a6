"""What may be asked of each kind of evidence, and what is typed into a log review."""

from marketing.compliance.forms.evidence import (
    AccessForm,
    ConsentForm,
    EvidenceForm,
    MessagesForm,
    OptOutsForm,
    StaffForm,
)
from marketing.compliance.forms.log import LogForm, PatientForm
from marketing.compliance.forms.reviews import SecondForm, SignForm
from marketing.compliance.rules import Kind

FORMS: dict[Kind, type[EvidenceForm]] = {
    form.kind: form for form in (MessagesForm, ConsentForm, OptOutsForm, AccessForm, StaffForm, LogForm)
}

__all__ = ["FORMS", "LogForm", "PatientForm", "SecondForm", "SignForm"]
