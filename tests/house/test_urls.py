"""Every address of the product in one table: who gets what from it. An address that isn't listed fails.

A stranger is led to sign in, somebody without a second factor to setting one up, and whoever may not finds no page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from accounts import access
from accounts import actions as accounts
from accounts.middleware import ENROL, PUBLIC
from accounts.models import Alert, Role, User
from accounts.organization.models import Brand
from campaigns import actions as campaigns
from campaigns.delivery.models import EgressSource, Message, Provider, SendingDomain
from campaigns.designs import actions as designs
from campaigns.designs.pictures import HILLS
from contacts import actions as contacts
from contacts.consent import actions as consent
from contacts.consent.models import Topic
from contacts.models import Contact, Membership
from marketing.compliance import actions as compliance
from marketing.compliance.models import Review, Verification
from marketing.demo.urls import urlpatterns as demo
from safeguards import notices, tokens
from safeguards.models import AuditEvent, Notice
from tests import cast, databases, factories
from tests.campaigns import plans
from tests.sessions import signed_in

GET, POST = "GET", "POST"
PASSWORD = "correct horse battery"
VISITORS = (
    "stranger",
    "newcomer",
    "marketer",
    "approver",
    "analyst",
    "compliance",
    "administrator",
    "developer",
)

# name, method: what each visitor gets, in the order above. 404 is a refusal: it looks like a page that isn't there.
# 200 and 422 show a page, 302 leads on, 405 is the wrong method. The thing that a page is of is what `things` makes of it.
TABLE: list[tuple[str, str, tuple[int, ...]]] = [
    # The first page shows to each what is theirs.
    ("home", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("help", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("guide", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("search", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("search", POST, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("list_health", GET, (302, 302, 200, 200, 200, 404, 200, 404)),
    # Settings lead to the first tab that one may see.
    ("settings", GET, (302, 302, 302, 302, 404, 404, 302, 404)),
    ("settings_people", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("person", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("person", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("person_deactivate", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("person_factor", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("person_reactivate", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("person_role", GET, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("person_role", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("person_sessions", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("person_unlock", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("person_invite", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("person_invite", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("invitation_resend", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("invitation_restore", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("invitation_withdraw", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_roles", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("settings_passkeys", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("settings_passkeys", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_access", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("access_role", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("access_role", POST, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("access_save", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_alerts", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("alert_close", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_fields", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("fields_csv", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("settings_brand", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("settings_brand", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("brand", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("brand", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("brand_footer", POST, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("brand_new", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("brand_new", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("brand_undo", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    # The link of an invitation is followed by people who have no account yet.
    ("account_invitation", GET, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("account_invitation", POST, (422, 422, 422, 422, 422, 422, 422, 422)),
    # So is the link for a new password; who has forgotten theirs is a stranger.
    ("password_forgotten", GET, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("password_forgotten", POST, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("password_link", GET, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("password_link", POST, (422, 422, 422, 422, 422, 422, 422, 422)),
    ("person_password", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    # One's own account is everybody's.
    ("account", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("account", POST, (302, 302, 422, 422, 422, 422, 422, 422)),
    ("account_factor", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("account_factor", POST, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("account_password", POST, (302, 302, 422, 422, 422, 422, 422, 422)),
    # An open page asks it, and strangers learn nothing.
    ("account_session", GET, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("account_session", POST, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("account_back", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("account_devices", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("account_sessions", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    # Signing in; whoever is in is led on.
    ("account_login", GET, (200, 302, 302, 302, 302, 302, 302, 302)),
    ("account_login", POST, (200, 302, 302, 302, 302, 302, 302, 302)),
    ("account_logout", GET, (302, 200, 200, 200, 200, 200, 200, 200)),
    ("account_logout", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("account_reauthenticate", GET, (302, 200, 302, 302, 302, 302, 302, 302)),
    ("account_reauthenticate", POST, (302, 200, 302, 302, 302, 302, 302, 302)),
    ("mfa_activate_totp", GET, (302, 200, 302, 302, 302, 302, 302, 302)),
    ("mfa_activate_totp", POST, (302, 200, 302, 302, 302, 302, 302, 302)),
    ("mfa_authenticate", GET, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("mfa_authenticate", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    # A factor was shown a moment ago; whoever has none finds nothing to show one to.
    ("mfa_reauthenticate", GET, (302, 404, 302, 302, 302, 302, 302, 302)),
    ("mfa_reauthenticate", POST, (302, 404, 302, 302, 302, 302, 302, 302)),
    ("account_recover", GET, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("account_recover", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("factor_choose", GET, (302, 200, 302, 302, 302, 302, 302, 302)),
    ("factor_lost", GET, (302, 404, 302, 302, 302, 302, 302, 302)),
    ("factor_lost", POST, (302, 404, 302, 302, 302, 302, 302, 302)),
    ("factor_remove", POST, (302, 302, 404, 404, 404, 404, 404, 404)),
    ("passkey_add", GET, (302, 200, 200, 200, 200, 200, 200, 200)),
    ("passkey_add", POST, (302, 422, 422, 422, 422, 422, 422, 422)),
    # Somebody else's.
    ("passkey_rename", POST, (302, 302, 404, 404, 404, 404, 404, 404)),
    ("recovery_codes", GET, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("recovery_codes", POST, (302, 302, 200, 200, 200, 200, 200, 200)),
    ("recovery_codes_kept", POST, (302, 302, 302, 302, 302, 302, 302, 302)),
    # Contacts: names and addresses are nothing for those who only count or only check.
    ("contact", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("contact_ask", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("contact_clinical", POST, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("contact_delete", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("contact_edit", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("contact_edit", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("contact_looked", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("contact_messages", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("contact_new", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("contact_new", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("contact_restore", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("contact_timeline", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("contacts", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("contacts", POST, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("import", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("import_map", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("import_problems", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("import_progress", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("import_run", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("import_stop", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("imports", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("imports", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    # Lists: seen by whoever sees contacts, changed by those who edit them; a count needs the permission to view segments.
    ("list", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("list", POST, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("list_add", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("list_archive", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("list_back", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("list_edit", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("list_edit", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("list_new", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("list_new", POST, (302, 302, 422, 404, 404, 404, 422, 404)),
    ("list_reach", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("list_remove", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("list_restore", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("list_take_back", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("lists", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("segment_count", POST, (302, 302, 200, 200, 200, 404, 200, 404)),
    ("segment_duplicate", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("segment_edit", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("segment_edit", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("segment_new", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("segment_new", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("segment_size", GET, (302, 302, 200, 200, 200, 404, 200, 404)),
    # Without the index it leads back to the segments.
    ("segment_matching", POST, (302, 302, 302, 302, 404, 404, 302, 404)),
    ("segment_people", GET, (302, 302, 302, 302, 404, 404, 302, 404)),
    ("segments", GET, (302, 302, 200, 200, 200, 404, 200, 404)),
    # Campaigns: read by many, planned and sent by marketers, approved by others.
    ("approval", GET, (302, 302, 404, 200, 404, 404, 200, 404)),
    ("approval", POST, (302, 302, 404, 200, 404, 404, 200, 404)),
    ("approval_preview", GET, (302, 302, 404, 200, 404, 404, 200, 404)),
    ("approvals", GET, (302, 302, 404, 200, 404, 404, 200, 404)),
    ("campaign", GET, (302, 302, 302, 200, 200, 200, 302, 404)),
    ("campaign_ask", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_audience", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_audience", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_calendar", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("campaign_cancel", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_design", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_design", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_duplicate", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_launch", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_new", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_new", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_people", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("campaign_pause", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_preview", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("campaign_progress", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("campaign_reschedule", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_resume", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_review", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_save_as_template", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_schedule", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_start_over", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_test", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_undo", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_unschedule", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("campaign_setup", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaign_setup", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("campaigns", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    # What leaves now: seen by those who plan, approve and administer; changed by administrators.
    ("sending", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("sending_attempts", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("sending_now", GET, (302, 302, 200, 200, 404, 404, 200, 404)),
    ("sending_rest", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("sending_rest", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("sending_until", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("sending_pool", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("sending_pool", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("sending_pool_as", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("sending_provider", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("sending_provider", POST, (302, 302, 404, 404, 404, 404, 422, 404)),
    ("sending_provider_as", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_sending", GET, (302, 302, 404, 404, 404, 404, 200, 404)),
    ("settings_sending_check", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    ("settings_sending_key", POST, (302, 302, 404, 404, 404, 404, 302, 404)),
    # Templates: seen by whoever sees campaigns, changed by those who plan them.
    ("starter_preview", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("template_archive", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("template_duplicate", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("template_edit", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("template_edit", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("template_new", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("template_preview", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("template_restore", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("template_test", POST, (302, 302, 200, 404, 404, 404, 200, 404)),
    ("template_undo", POST, (302, 302, 302, 404, 404, 404, 302, 404)),
    ("templates", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("test_mail", GET, (302, 302, 200, 404, 404, 404, 200, 404)),
    # Reports; the evidence itself is the compliance officer's to take away.
    ("compliance", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_log", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_patient", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_patients", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_patients", POST, (302, 302, 404, 404, 404, 302, 302, 404)),
    ("audit_row", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_verification", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("audit_verify", POST, (302, 302, 404, 404, 404, 302, 302, 404)),
    ("log_review", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("log_review_csv", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("log_review_sign", POST, (302, 302, 404, 404, 404, 422, 422, 404)),
    ("log_reviews", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_access", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_consent", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_csv", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_message", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_messages", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_opt_outs", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_staff", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("evidence_taken", GET, (302, 302, 404, 404, 404, 200, 200, 404)),
    ("report", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    ("reports", GET, (302, 302, 200, 200, 200, 200, 200, 404)),
    # For load balancers; says nothing but that it works.
    ("health", GET, (200, 200, 200, 200, 200, 200, 200, 200)),
    ("health", POST, (200, 200, 200, 200, 200, 200, 200, 200)),
]

# What has to be said for the permission to be asked at all.
POSTED = {
    "audit_patients": {"text": "ana@goodmail.example"},
    "contact_clinical": {"purpose": "compliance review"},
    "log_review_sign": {"note": "Nothing unusual.", "digest": ""},
    "template_new": {"starter": "blank"},
}

# The patients' pages, by hand: a good token, and one that we never made. Nobody signs in there.
PATIENTS: list[tuple[str, str, int, int]] = [
    ("public_confirm", GET, 200, 404),
    ("public_unsubscribe", GET, 200, 404),
    ("public_unsubscribe", POST, 200, 404),
    ("public_preferences", GET, 200, 404),
    ("public_preferences", POST, 200, 404),
    # The pixel gives away nothing, not even that its token is wrong.
    ("public_open", GET, 200, 200),
    ("public_open", POST, 405, 405),
    ("public_click", GET, 302, 404),
    ("public_click", POST, 405, 405),
    # A picture is the same for everybody who has its name, and kept by whoever fetched it.
    ("public_picture", GET, 200, 404),
    ("public_picture", POST, 405, 405),
]
CACHED = {"public_picture"}
WITHOUT_TOKEN = {"health", "public_test"}


@dataclass
class World:
    """What stands in the database, who visits, and what each address is of."""

    people: dict[str, User]
    things: dict[str, list[Any]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """A clinic with one of each thing, in a database of this module's own."""
    with django_db_blocker.unblock(), databases.cloned(str(connections["default"].settings_dict["NAME"])):
        yield _world()


def _world() -> World:
    brand = cast.clinic()
    people = {
        "marketer": cast.dana(),
        "approver": cast.marcus(),
        "analyst": cast.ann(),
        "compliance": cast.olive(),
        "administrator": cast.ada(),
        "developer": cast.person("Devi Rao", Role.DEVELOPER),
        "newcomer": cast.person("Nell Quist", Role.MARKETER),
    }
    people["newcomer"].set_password(PASSWORD)
    people["newcomer"].save()
    made = World(people)
    dana = cast.actor(people["marketer"])
    person = factories.contact("ana@goodmail.example", first_name="Ana")
    draft = plans.campaign()
    asked = campaigns.request_approval(actor=dana, campaign=plans.campaign())
    left = factories.launch(factories.mailing(), [person])
    sent = plans.campaign()
    type(sent).objects.filter(pk=sent.pk).update(mailing=left)
    file = contacts.upload_file(
        actor=dana, name="people.csv", chunks=[b"email\nbo@goodmail.example\n"], size=27
    )
    made_list = contacts.create_list(actor=dana, name="Walkers")
    contacts.add_people(actor=dana, contact_list=made_list, contact_ids=[person.pk])
    membership = Membership.objects.get()
    invitation = accounts.invite_person(
        actor=cast.actor(people["administrator"]),
        email="noor@northfield.example",
        name="Noor Haddad",
        role=Role.ANALYST,
    )
    accounts.send_password_link(actor=cast.actor(people["administrator"]), person=people["marketer"])
    template = designs.create_from_starter(actor=dana, name="Monthly news", template=True)
    source = EgressSource.objects.all()[0]
    made.things = {
        "access": ["analyst"],
        "alert_close": [_alert(people["marketer"])],
        "approval": [asked.pk],
        "campaign": [draft.pk],
        "contact": [person.pk],
        "guide": ["segments"],
        "import": [file.pk],
        "campaign_people": [sent.pk],
        "list": [made_list.pk],
        "list_back": [made_list.pk, membership.pk],
        "list_take_back": [made_list.pk, membership.batch],
        "person": [people["newcomer"].pk],
        "factor_remove": [0],
        "passkey_rename": [0],
        "invitation": [invitation.pk],
        "brand": [brand.pk],
        "brand_footer": [],
        "brand_new": [],
        "brand_undo": [],
        "account_invitation": [_token("staff.invitation")],
        "password_link": [_token("staff.password_link")],
        "password_forgotten": [],
        "campaign_pause": [sent.pk],
        "campaign_resume": [sent.pk],
        "campaign_cancel": [sent.pk],
        "campaign_reschedule": [draft.pk, 0],
        "report": [sent.pk],
        "evidence_csv": ["messages"],
        "evidence_taken": ["messages"],
        "segment": [draft.segment_id],
        "sending_rest": [source.pk],
        "sending_until": [source.pk, 0],
        "sending_pool": [source.entries.get().pool_id],
        "sending_pool_as": [source.entries.get().pool_id, "50,50"],
        "sending_provider": [Provider.objects.get(name="google").pk],
        "sending_provider_as": [Provider.objects.get(name="google").pk, "10,20,5,50"],
        "settings_sending_check": [SendingDomain.objects.all()[0].pk],
        "settings_sending_key": [SendingDomain.objects.all()[0].pk, "prepare"],
        "starter_preview": ["clinic-news"],
        "template": [template.pk],
        "test_mail": [designs.send_test(actor=dana, design=template, to=people["marketer"], sample="maria")],
    }
    compliance.ask_verification(actor=access.system("log"))
    now = timezone.now()
    review = Review.objects.create(
        begins=now - timedelta(days=7), ends=now - timedelta(hours=1), zone="UTC", opened_at=now, due_at=now
    )
    made.things |= {
        "audit_patient": [person.pk],
        "audit_row": [AuditEvent.objects.earliest("pk").pk],
        "audit_verification": [Verification.objects.get().pk],
        "log": [review.pk],
    }
    message = Message.objects.get(mailing_id=left.pk)
    made.things["evidence_message"] = [left.pk, message.id]
    token = tokens.LinkToken(
        bytes(person.address_hash), bytes(person.person_key), brand.pk, left.pk, message.id
    )
    made.links = {kind: tokens.seal_link(kind, token) for kind in ("u", "p", "o", "c")}
    made.links["public_picture"] = HILLS
    made.links["f"] = _confirmation(person, brand)
    return made


def _alert(person: User) -> int:
    """Something unusual that somebody did."""
    now = timezone.now()
    return Alert.objects.create(
        kind="hours",
        key="hours:1",
        person=person,
        begins_at=now,
        ends_at=now,
        raised_at=now,
        counts={"hour": 3, "minute": 5, "usual": 20},
    ).pk


def _token(kind: str) -> str:
    """The token of the link in a mail of this kind."""
    _, link = notices.opened(Notice.objects.get(kind=kind))
    return link.rstrip("/").rsplit("/", 1)[1]


def _confirmation(person: Contact, brand: Brand) -> str:
    """The token of the link that the person is sent to confirm by, out of the notice itself."""
    consent.ask_confirmation(
        actor=cast.actor(cast.dana()),
        address="ana@goodmail.example",
        person_key=bytes(person.person_key),
        brand=brand,
        topics=list(Topic.objects.all()),
        source="front desk",
        language="en",
    )
    _, link = notices.opened(Notice.objects.get(kind="consent.confirm"))
    return link.rstrip("/").rsplit("/", 1)[1].partition("?")[0]


def _names(urlconf: str) -> set[str]:
    def walk(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                assert pattern.name, f"{pattern.pattern} has no name"
                yield pattern.name

    return set(walk(get_resolver(urlconf).url_patterns))


def test_every_address_of_the_staff_is_listed() -> None:
    assert {name for name, _, _ in TABLE} == _names(settings.ROOT_URLCONF)


def test_every_address_of_the_patients_is_listed() -> None:
    assert {name for name, *_ in PATIENTS} | WITHOUT_TOKEN == _names(settings.PUBLIC_URLCONF)


def test_what_is_open_to_strangers_is_named_by_hand() -> None:
    assert {
        "account_login",
        "account_logout",
        "mfa_authenticate",
        "account_recover",
        "account_invitation",
        "password_forgotten",
        "password_link",
        "account_session",
        "health",
    } == PUBLIC
    assert {
        "account_logout",
        "account_reauthenticate",
        "factor_choose",
        "factor_lost",
        "mfa_activate_totp",
        "mfa_reauthenticate",
        "passkey_add",
        "recovery_codes",
        "recovery_codes_kept",
    } == ENROL


def _address(world: World, name: str) -> str:
    [pattern, *_] = [each for each in get_resolver(settings.ROOT_URLCONF).reverse_dict.getlist(name)] or [
        None
    ]
    assert pattern is not None, name
    if not pattern[0][0][1]:
        return reverse(name)
    thing = name if name in world.things else name.split("_")[0]
    return reverse(name, args=world.things[thing])


def _client(world: World, visitor: str) -> Client:
    client = Client(headers={"host": settings.STAFF_URL.split("://")[1]})
    if visitor == "stranger":
        return client
    if visitor not in world.sessions:
        if visitor == "newcomer":
            # By the page itself: setting up a factor asks whether a password was typed a moment ago.
            client.post(reverse("account_login"), {"login": "nell@northfield.example", "password": PASSWORD})
        else:
            signed_in(client, world.people[visitor])
        world.sessions[visitor] = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.cookies[settings.SESSION_COOKIE_NAME] = world.sessions[visitor]
    return client


def _check_headers(response: HttpResponseBase, *, public: bool, cached: bool = False) -> None:
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src" not in policy or "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert ("immutable" if cached else "no-store") in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}
    assert response["Referrer-Policy"] == ("no-referrer" if public else "same-origin")
    assert response["X-Request-ID"]
    assert response["Permissions-Policy"]


ROWS = [
    pytest.param(name, method, visitor, status, id=f"{method} {name} {visitor}")
    for name, method, statuses in TABLE
    for visitor, status in zip(VISITORS, statuses, strict=True)
]


@pytest.mark.parametrize(("name", "method", "visitor", "status"), ROWS)
def test_who_gets_what(world: World, name: str, method: str, visitor: str, status: int) -> None:
    client, address = _client(world, visitor), _address(world, name)
    # What a button does is undone again, so that each row meets the same world.
    with transaction.atomic():
        response = client.post(address, POSTED.get(name, {})) if method == POST else client.get(address)
        transaction.set_rollback(True)
    assert response.status_code == status
    _check_headers(response, public=False)
    if status == 302 and visitor == "stranger" and name not in PUBLIC:
        assert response["Location"].startswith(reverse("account_login"))
    if status == 302 and visitor == "newcomer" and name not in PUBLIC | ENROL:
        assert response["Location"] == reverse("factor_choose")


def test_what_the_table_leaves_out_is_the_wrong_method(world: World) -> None:
    listed = {(name, method) for name, method, _ in TABLE}
    client = _client(world, "administrator")
    for name in sorted({name for name, _, _ in TABLE} - WITHOUT_TOKEN):
        for method in (GET, POST):
            if (name, method) not in listed:
                response = client.generic(method, _address(world, name))
                assert response.status_code == 405, f"{method} {name}"
                _check_headers(response, public=False)


@pytest.mark.parametrize("visitor", VISITORS)
def test_an_address_that_is_not_there_looks_like_a_refusal(world: World, visitor: str) -> None:
    client = _client(world, visitor)
    absent = client.get("/nothing/here/")
    assert absent.status_code == 404
    _check_headers(absent, public=False)


def test_a_refusal_and_an_absent_page_are_the_same_bytes(world: World) -> None:
    """Else the difference would tell that there is something (A2)."""
    client = _client(world, "developer")
    refused, absent = client.get(_address(world, "contacts")), client.get("/nothing/here/")
    assert (refused.status_code, absent.status_code) == (404, 404)
    plain = [
        response.content.decode().replace(response["X-Request-ID"], "") for response in (refused, absent)
    ]
    assert _without_tokens(plain[0]) == _without_tokens(plain[1])


def _without_tokens(page: str) -> str:
    return re.sub(
        r'(csrfmiddlewaretoken" value="|X-CSRFToken&quot;: &quot;|X-CSRFToken": ")[\w]+', r"\1", page
    )


def test_a_fragment_asked_for_by_a_stranger_becomes_the_whole_sign_in_page(world: World) -> None:
    response = _client(world, "stranger").get(reverse("campaigns"), headers={"hx-request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (204, reverse("account_login"))


def _public(world: World) -> Client:
    return Client(headers={"host": settings.PUBLIC_URL.split("://")[1]})


def _public_path(name: str, token: str) -> str:
    return reverse(name, urlconf=settings.PUBLIC_URLCONF, args=[token])


@pytest.mark.parametrize(("name", "method", "good", "bad"), PATIENTS)
def test_patients_pages(world: World, name: str, method: str, good: int, bad: int) -> None:
    token = world.links[name] if name in world.links else world.links[_public_path(name, "x").split("/")[1]]
    posted = {"List-Unsubscribe": "One-Click", "do": "stop"} if method == POST else None
    for given, status in ((token, good), ("never-ours", bad)):
        with transaction.atomic():
            client = _public(world)
            path = _public_path(name, given)
            response = client.post(path, posted) if posted else client.get(path)
            transaction.set_rollback(True)
        assert response.status_code == status
        _check_headers(response, public=True, cached=name in CACHED and status == 200)
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert settings.SESSION_COOKIE_NAME not in response.cookies, "nobody is followed by a session"


def test_patients_host_has_none_of_the_staffs_pages(world: World) -> None:
    for name, _, _ in TABLE:
        address = _address(world, name)
        if name in WITHOUT_TOKEN:
            continue
        response = _public(world).get(address)
        assert response.status_code == 404, address
        _check_headers(response, public=True)


def test_staffs_host_has_none_of_the_patients_pages(world: World) -> None:
    for name, *_ in PATIENTS:
        address = _public_path(name, "never-ours")
        assert _client(world, "stranger").get(address).status_code == 404, address


def test_the_demos_pages_are_absent_outside_the_demo() -> None:
    assert demo
    assert not {pattern.name for pattern in demo} & _names(settings.ROOT_URLCONF)
    assert not {pattern.name for pattern in demo} & _names(settings.PUBLIC_URLCONF)
