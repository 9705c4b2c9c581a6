"""The fields a contact may have: what they are called, of what kind they are, and whether they speak of health."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a field's values are stored in the sealed record.

    TEXT and CHOICE are text; NUMBER an int or float; DATE `YYYY-MM-DD`; MOMENT `YYYY-MM-DDTHH:MM` in the clinic's time zone;
    YES_NO a boolean; MANY a list of text. An unknown value is null, never an empty text or list.
    """

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    YES_NO = "yes_no"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `label` is English source text for gettext; `clinical` marks health data; `also` are headers people write."""

    key: str
    label: str
    kind: Kind
    group: str
    clinical: bool = False
    segmentable: bool = True
    mergeable: bool = True
    also: tuple[str, ...] = ()


WHO, WHERE, COVER, CARE = "About the person", "Where they live", "Coverage", "Care"

FIELDS: tuple[Field, ...] = (
    Field(
        "external_id",
        "Medical record number",
        Kind.TEXT,
        WHO,
        segmentable=False,
        mergeable=False,
        also=("mrn", "patient id", "record number", "chart number", "external id"),
    ),
    Field(
        "email",
        "E-mail address",
        Kind.TEXT,
        WHO,
        segmentable=False,
        mergeable=False,
        also=("email", "e-mail", "mail", "email address", "e mail"),
    ),
    Field(
        "first_name",
        "First name",
        Kind.TEXT,
        WHO,
        segmentable=False,
        also=("first", "given name", "forename", "nombre"),
    ),
    Field(
        "last_name",
        "Last name",
        Kind.TEXT,
        WHO,
        segmentable=False,
        also=("last", "surname", "family name", "apellido"),
    ),
    Field(
        "birth_date",
        "Date of birth",
        Kind.DATE,
        WHO,
        mergeable=False,
        also=("dob", "birthdate", "birth date", "born"),
    ),
    Field("gender", "Gender", Kind.CHOICE, WHO, also=("sex",)),
    Field("language", "Language", Kind.CHOICE, WHO, also=("lang", "preferred language")),
    Field(
        "phone",
        "Telephone",
        Kind.TEXT,
        WHO,
        segmentable=False,
        mergeable=False,
        also=("mobile", "cell", "telephone", "mobile #", "phone number"),
    ),
    Field(
        "street",
        "Street",
        Kind.TEXT,
        WHERE,
        segmentable=False,
        mergeable=False,
        also=("address", "street address"),
    ),
    Field("city", "City", Kind.CHOICE, WHERE, also=("town",)),
    Field("state", "State", Kind.CHOICE, WHERE, also=("province", "region")),
    Field("zip", "ZIP code", Kind.CHOICE, WHERE, also=("postcode", "postal code", "zip code", "zipcode")),
    Field("payer", "Payer", Kind.CHOICE, COVER, clinical=True, also=("insurance", "insurer", "carrier")),
    Field("plan", "Plan", Kind.CHOICE, COVER, clinical=True, also=("insurance plan",)),
    Field(
        "deceased_date",
        "Date of death",
        Kind.DATE,
        CARE,
        clinical=True,
        mergeable=False,
        also=("deceased", "date of death", "dod"),
    ),
    Field("clinic", "Clinic", Kind.CHOICE, CARE, clinical=True, also=("location", "site", "practice")),
    Field("provider", "Provider", Kind.CHOICE, CARE, clinical=True, also=("doctor", "physician", "pcp")),
    Field("conditions", "Conditions", Kind.MANY, CARE, clinical=True, also=("diagnoses", "icd10")),
    Field(
        "medications", "Medications", Kind.MANY, CARE, clinical=True, also=("meds", "drugs", "prescriptions")
    ),
    Field("last_visit", "Last visit", Kind.DATE, CARE, clinical=True, also=("last appointment", "last seen")),
    Field("visits_last_year", "Visits in the last year", Kind.NUMBER, CARE, clinical=True, also=("visits",)),
    Field(
        "next_appointment",
        "Next appointment",
        Kind.MOMENT,
        CARE,
        clinical=True,
        also=("next visit", "appointment"),
    ),
    Field("last_a1c", "Last A1c result", Kind.NUMBER, CARE, clinical=True, also=("a1c", "hba1c")),
    Field("flu_shot_date", "Last flu shot", Kind.DATE, CARE, clinical=True, also=("flu shot", "influenza")),
    Field("portal_enrolled", "Uses the patient portal", Kind.YES_NO, CARE, clinical=True, also=("portal",)),
)

BY_KEY: dict[str, Field] = {field.key: field for field in FIELDS}

# Columns of evidence: they become rows of the consent ledger, not fields of the contact.
EVIDENCE: dict[str, tuple[str, ...]] = {
    "marketing_consent": ("opt in", "optin", "marketing opt in", "email consent", "subscribed"),
    "consent_source": ("opt in source", "source of consent"),
    "consent_date": ("opt in date", "date of consent"),
    "tracking_consent": ("tracking", "tracking opt in"),
    "topics": ("subscriptions", "interests", "lists"),
}
EVIDENCE_LABELS: dict[str, str] = {
    "marketing_consent": "Agreed to marketing e-mail",
    "consent_source": "Where they agreed",
    "consent_date": "When they agreed",
    "tracking_consent": "Agreed to be counted as a person",
    "topics": "Topics they chose",
}


def identity() -> frozenset[str]:
    """Keys of the fields that say who somebody is and where, and nothing of their health."""
    return frozenset(field.key for field in FIELDS if not field.clinical)
