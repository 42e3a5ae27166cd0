"""The house rules: each a function over the text of one source, which returns its faults.

Decision: rules that no tool of the house knows are checked here, over the syntax tree.
Instead of: a plug-in for the linter.
Because: each is a few lines and has its own planted defect in `test_house_rules.py`.
Undo when: a tool of the house learns the rule.
"""

from __future__ import annotations

import ast
import re

from tests.tidy.sources import find_calls, find_imports

FLOAT_NAMES = {"float", "float16", "float32", "float64", "double", "true_divide", "truediv"}
SET_MAKERS = {"set", "frozenset"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
BROAD = {"Exception", "BaseException"}
ORDER_TAKERS = {"list", "tuple", "iter", "enumerate", "next", "zip", "map", "array", "fromiter"}


def find_floats(source: str) -> list[str]:
    """Float literals, float types and true division: state is whole numbers."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            faults.append(f"{node.lineno}: float {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            faults.append(f"{node.lineno}: true division")
        elif get_name(node) in FLOAT_NAMES:
            faults.append(f"{get_line(node)}: {get_name(node)}")
    return faults


def find_hashes(source: str) -> list[str]:
    """Calls of `hash`, whose value differs between processes."""
    calls = find_calls(ast.parse(source))
    return [f"{call.lineno}: hash()" for call in calls if get_name(call.func) == "hash"]


def find_set_iterations(source: str) -> list[str]:
    """Places where the order of a set could show: loops, comprehensions, unpacking, `list(...)`."""
    tree = ast.parse(source)
    names = find_set_names(tree)
    faults = []
    for node in ast.walk(tree):
        iterated: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            iterated = [node.iter]
        elif isinstance(node, ast.Starred):
            iterated = [node.value]
        elif isinstance(node, ast.Call) and get_name(node.func) in ORDER_TAKERS:
            iterated = list(node.args)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            iterated = [node.func.value] if node.func.attr == "pop" and not node.args else []
        faults += [f"{it.lineno}: set order" for it in iterated if is_set(it, names)]
    return faults


def find_set_names(tree: ast.AST) -> set[str]:
    """Names that are a set somewhere in a source, by value or by annotation."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_set(node.value, names):
            names |= {get_name(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            kind = node.annotation
            kind = kind.value if isinstance(kind, ast.Subscript) else kind
            if get_name(kind).lower() in SET_MAKERS | {"abstractset", "mutableset"}:
                names.add(node.arg if isinstance(node, ast.arg) else get_name(node.target))
    return names - {""}


def is_set(node: ast.expr, names: set[str]) -> bool:
    """Whether an expression is a set as far as its text shows."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return get_name(node.func) in SET_MAKERS | SET_METHODS
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
        return is_set(node.left, names) or is_set(node.right, names)
    return get_name(node) in names


def find_broad_excepts(source: str) -> list[str]:
    """Handlers that would also catch a bug."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or get_name(kind) in BROAD for kind in kinds):
                faults.append(f"{node.lineno}: broad except")
    faults += [
        f"{call.lineno}: broad suppress"
        for call in find_calls(ast.parse(source))
        if get_name(call.func) == "suppress" and any(get_name(kind) in BROAD for kind in call.args)
    ]
    return faults


def find_stubs(source: str) -> list[str]:
    """Work that was left for later."""
    faults = [
        f"{node.lineno}: NotImplementedError"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]
    for number, line in enumerate(source.splitlines(), start=1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            faults.append(f"{number}: unfinished")
    return faults


def find_prints(source: str) -> list[str]:
    """Calls of `print`: only the command line speaks to a terminal."""
    calls = find_calls(ast.parse(source))
    return [f"{c.lineno}: print()" for c in calls if get_name(c.func) in {"print", "pprint"}]


def find_imports_from_strings(source: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Imports no linter can see, but for the allowed modules of `importlib`."""
    tree = ast.parse(source)
    faults = [
        f"{line}: {name}"
        for line, name in find_imports(tree)
        if name.split(".")[0] in {"importlib", "runpy", "pkgutil"}
        and not any(f"{name}.".startswith(f"{module}.") for module in allowed)
    ]
    for node in ast.walk(tree):
        if get_name(node) in {"__import__", "exec", "eval"}:
            faults.append(f"{get_line(node)}: {get_name(node)}")
    return faults


def find_compilation(source: str) -> list[str]:
    """Imports that compile: numba itself, or the house's `njit`."""
    compiled = "sim.core.compiled"
    return [
        f"{line}: {name}"
        for line, name in find_imports(ast.parse(source))
        if name.split(".")[0] == "numba" or name in {compiled, f"{compiled}.njit"}
    ]


def find_machine_names(text: str) -> list[str]:
    """Words that only mean something on one machine, or that name a package registry."""
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        faults += [f"{number}: {found}" for found in MACHINE_NAMES.findall(line)]
    return faults


MACHINE_NAMES = re.compile(  # character classes keep this source from naming what it refuses
    r"(?<![\w.])/(?:work|root|home|Users|mnt|opt)[/]\w*"
    r"|/tmp[/]\w+"
    r"|\.library[/]|before[-]stop|shared[/]design|DEVELOPERS[.]md"
    r"|[\w.-]*(?:pypi|pythonhosted|artifactory|devpi)[.](?:org|com|io|net|dev)\b"
    r"|[-_]index[-_]url|PIP_[A-Z]+_URL|trusted[-]host",
    re.IGNORECASE,
)


def get_name(node: ast.AST) -> str:
    """Last part of a name: `Name` or attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def get_line(node: ast.AST) -> int:
    """Line a node begins on."""
    return int(getattr(node, "lineno", 0))
