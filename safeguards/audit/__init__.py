"""The audit door: every row that says who did what is written here, and nowhere else.

Rows are inserted in the caller's transaction, unchained, so that no long import blocks anybody. One chainer, at most about a
second behind, gives each committed row its sequence and hash; anchors outside the database say how far it had come.
[164.312(b); BEHAVIOURS F1, F2]
"""

from safeguards.audit.chaining import GENESIS as GENESIS
from safeguards.audit.chaining import chain as chain
from safeguards.audit.chaining import hash_of as hash_of
from safeguards.audit.chaining import unchained as unchained
from safeguards.audit.changes import Changes as Changes
from safeguards.audit.changes import changed as changed
from safeguards.audit.checks import register_check as register_check
from safeguards.audit.recording import record as record
from safeguards.audit.recording import record_apart as record_apart
from safeguards.audit.schema import ADDRESSES as ADDRESSES
from safeguards.audit.schema import CHANGED as CHANGED
from safeguards.audit.schema import COUNTS as COUNTS
from safeguards.audit.schema import DECIMALS as DECIMALS
from safeguards.audit.schema import DIGEST as DIGEST
from safeguards.audit.schema import DOMAIN as DOMAIN
from safeguards.audit.schema import FILTERS as FILTERS
from safeguards.audit.schema import NETWORK as NETWORK
from safeguards.audit.schema import NUMBERS as NUMBERS
from safeguards.audit.schema import PATIENTS as PATIENTS
from safeguards.audit.schema import ROW as ROW
from safeguards.audit.schema import TITLE as TITLE
from safeguards.audit.schema import WORD as WORD
from safeguards.audit.schema import WORDS as WORDS
from safeguards.audit.schema import ZONE as ZONE
from safeguards.audit.schema import Undeclared as Undeclared
from safeguards.audit.schema import Unfit as Unfit
from safeguards.audit.schema import among as among
from safeguards.audit.schema import checked as checked
from safeguards.audit.schema import declare as declare
from safeguards.audit.schema import declared as declared
from safeguards.audit.schema import kinds_of as kinds_of
from safeguards.audit.schema import maybe as maybe
from safeguards.audit.verifying import SILENCE as SILENCE
from safeguards.audit.verifying import Report as Report
from safeguards.audit.verifying import examine as examine
from safeguards.audit.verifying import hashes_at as hashes_at
from safeguards.audit.verifying import verify as verify
from safeguards.audit.walking import Finding as Finding
