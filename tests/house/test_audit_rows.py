"""Every act leaves its row: public actions record, what is declared is used, and every kind of notice has its words."""

import ast
import functools
import importlib

from django.template.loader import get_template
from django.utils import translation

from marketing.compliance.acts import WORDS
from safeguards import notices
from tests.house.source import ROOT, Module, calls, dotted, product

# A refusal's row, written apart from what is rolled back, is not the row of an act.
RECORD = "safeguards.audit.record"
RECORDERS = {RECORD, "safeguards.audit.record_apart"}
# What these write are rows of another thing than the act: a refusal, an opening of health data.
NOT_THE_ACT = ("accounts.access.", "safeguards.phi.")

# Public actions that ask for no permission, and why.
UNASKED = {
    # The ledgers' own verbs. Above them stand verbs that ask, and the patient's link, whose sealed token is the authority:
    # a patient has no role that a permission could be of.
    "contacts.consent.actions.lift",
    "contacts.consent.actions.rebind",
    "contacts.consent.actions.record",
    "contacts.consent.actions.suppress",
    # One's own account: whoever is signed in may, and everybody else is refused.
    "accounts.actions.own.change_own",
    "accounts.actions.own.change_password",
    "accounts.actions.own.end_own_sessions",
    "accounts.actions.factors.add_passkey",
    "accounts.actions.factors.keep_recovery_codes",
    "accounts.actions.factors.make_recovery_codes",
    "accounts.actions.factors.remove_factor",
    "accounts.actions.factors.rename_passkey",
    "accounts.actions.factors.replace_factor",
    # Whoever has forgotten their password is a stranger; what they get goes to the account's address alone.
    "accounts.actions.passwords.ask_password_link",
    "accounts.actions.conditions.forget_device",
}

# Public actions that leave no row, and why.
SILENT = {
    # An open or a click is a row of MessageEvent itself, append-only, and there are millions.
    "campaigns.delivery.actions.events.record_event",
}

# Kinds of notice that delivery composes from something else than a text of their own: a test is its design's own message.
COMPOSED = {"design.test"}
# Kinds of notice that carry neither code nor link.
PLAIN = {
    "staff.alerts",
    "staff.factor_reset",
    "staff.lockout",
    "staff.new_device",
    "staff.passkey_counter",
    "staff.password_changed",
    "staff.recovery_used",
    "staff.review_overdue",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def functions() -> dict[str, tuple[Module, Function]]:
    """Every function and method of the product by its full name."""
    found: dict[str, tuple[Module, Function]] = {}

    def look(module: Module, body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{prefix}.{node.name}"] = (module, node)
            elif isinstance(node, ast.ClassDef):
                look(module, node.body, f"{prefix}.{node.name}")

    for module in product():
        look(module, module.tree.body, module.name)
    return found


@functools.cache
def _modules() -> dict[str, Module]:
    return {module.name: module for module in product()}


def resolved(name: str) -> str:
    """The name where it is defined, followed through a package that hands it on."""
    for _ in range(5):
        if name in functions() or name in RECORDERS:
            return name
        owner, _, word = name.rpartition(".")
        module = _modules().get(owner)
        onward = dotted(module, ast.Name(word)) if module else ""
        if not onward or onward == name:
            return name
        name = onward
    return name


@functools.cache
def records(name: str) -> bool:
    """Whether the function writes an audit row, itself or by another that it calls or hands on."""
    return _reaches(name, frozenset())


def _reaches(name: str, above: frozenset[str]) -> bool:
    if name == RECORD:
        return True
    if name in above or name not in functions() or name.startswith(NOT_THE_ACT):
        return False
    module, function = functions()[name]
    called = {
        resolved(dotted(module, node))
        for node in ast.walk(function)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    owner = name.rpartition(".")[0]
    called |= {
        f"{owner}.{node.attr}"
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    return any(_reaches(other, above | {name}) for other in called if other)


def public_actions() -> list[str]:
    """Functions of `actions` modules that others call with an actor."""
    return sorted(
        name
        for name, (module, function) in functions().items()
        if "actions" in module.name.split(".")
        and not function.name.startswith("_")
        and "actor" in {each.arg for each in function.args.kwonlyargs}
    )


def test_every_public_action_leaves_an_audit_row() -> None:
    assert len(public_actions()) > 25
    missing = [name for name in public_actions() if not records(name)]
    assert set(missing) == SILENT


def test_every_public_action_asks_for_permission_or_says_who_else_did() -> None:
    """`access.require` or `grant` is reached from every action that a signed-in person can call."""
    by_token = {
        name
        for name in public_actions()
        if "token" in {each.arg for each in functions()[name][1].args.kwonlyargs}
    }
    missing = {name for name in public_actions() if not _asks(name, frozenset())}
    assert missing - by_token - SILENT == UNASKED


def _asks(name: str, above: frozenset[str]) -> bool:
    if name in {"accounts.access.require", "accounts.access.grant"}:
        return True
    if name in above or name not in functions():
        return False
    module, function = functions()[name]
    called = {
        resolved(dotted(module, node))
        for node in ast.walk(function)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    return any(_asks(other, above | {name}) for other in called if other)


@functools.cache
def declarations() -> dict[str, tuple[Module, ast.Call]]:
    """Every `audit.declare` of the source, by the action's name."""
    return {
        str(call.args[0].value): (module, call)
        for module in product()
        for call, name in calls(module)
        if name == "safeguards.audit.declare" and isinstance(call.args[0], ast.Constant)
    }


def test_every_declared_action_is_recorded_somewhere() -> None:
    said = {
        node.value
        for module in product()
        for statement in ast.walk(module.tree)
        if isinstance(statement, ast.stmt)
        and not (isinstance(statement, ast.Expr) and _declares(module, statement.value))
        for node in ast.iter_child_nodes(statement)
        for node in ast.walk(node)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and not _inside_declaration(module, node)
    }
    assert sorted(set(declarations()) - said) == []


def _declares(module: Module, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(module, node.func) == "safeguards.audit.declare"


@functools.cache
def _declaration_lines(module: Module) -> frozenset[tuple[int, int]]:
    return frozenset(
        (call.args[0].lineno, call.args[0].col_offset)
        for call, name in calls(module)
        if name == "safeguards.audit.declare" and call.args
    )


def _inside_declaration(module: Module, node: ast.Constant) -> bool:
    return (node.lineno, node.col_offset) in _declaration_lines(module)


def _details(declaration: ast.Call) -> set[str]:
    """The names of an action's details; a trailing underscore belongs to Python."""
    return {keyword.arg.rstrip("_") for keyword in declaration.keywords if keyword.arg}


def test_every_recorded_action_is_declared_with_its_details() -> None:
    found = []
    for module in product():
        for call, name in calls(module):
            if name not in RECORDERS or not call.args or not isinstance(call.args[0], ast.Constant):
                continue
            action = str(call.args[0].value)
            if action not in declarations():
                found.append(f"{module.at(call)} {action} isn't declared")
                continue
            allowed = _details(declarations()[action][1])
            for keyword in call.keywords:
                if keyword.arg == "details" and isinstance(keyword.value, ast.Dict):
                    given = {key.value for key in keyword.value.keys if isinstance(key, ast.Constant)}
                    if given - allowed:
                        found.append(
                            f"{module.at(call)} {action}: {sorted(map(str, given - allowed))} not declared"
                        )
    assert not found, "\n".join(found)


def test_details_carry_no_patients_values() -> None:
    """Names of details that could only hold a person: those belong sealed, and never in the log."""
    personal = {"email", "address", "first_name", "last_name", "phone", "record", "text", "query", "search"}
    found = [
        f"{module.at(call)} {action}"
        for action, (module, call) in declarations().items()
        if personal & _details(call)
    ]
    assert not found, "\n".join(found)


def test_every_kind_of_notice_has_its_words_in_every_language() -> None:
    for module in product():
        if "notices.declare(" in module.text:
            importlib.import_module(module.name)
    # Tests of the door declare kinds of their own.
    kinds = {kind for kind in notices.kinds() if not kind.startswith("test.")}
    assert kinds, "some room leaves notices"
    assert kinds > COMPOSED
    for kind in sorted(kinds - COMPOSED):
        template = get_template(f"notices/{kind}.txt")
        parameters = {name: f"<{name}>" for name in notices._kinds[kind]}
        if kind not in PLAIN:
            parameters["secret"] = "<secret>"
        written = {}
        # What the staff get is in English, as their pages are.
        languages = ("en",) if kind.startswith("staff.") else ("en", "es")
        for language in languages:
            with translation.override(language):
                written[language] = template.render(parameters)
            for value in parameters.values():
                assert value in written[language], f"{kind} in {language} leaves out {value}"
        assert len(set(written.values())) == len(languages), f"{kind} isn't translated"
    left = {path.stem for path in (ROOT / "templates" / "notices").glob("*.txt")}
    assert left == kinds - COMPOSED, "a template without a notice, or a notice without one"


def test_every_declared_action_is_told_in_plain_english() -> None:
    """The audit log is read by officers: an act without words is shown to them by its own name."""
    missing = sorted(set(declarations()) - set(WORDS))
    assert not missing, f"marketing/compliance/acts.py has no words for {missing}"
    # And nothing can be chosen there that never happens.
    assert sorted(set(WORDS) - set(declarations())) == []
