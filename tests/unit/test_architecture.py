"""The laws of the project's structure, proven by reading its files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from models.registry import FRAMEWORKS

ROOT = Path(__file__).parents[2]

FRAMEWORK_PACKAGES = frozenset({"torch", "torchvision", "tensorflow", "keras", "jax", "jaxlib", "flax", "optax"})

PACKAGES = {
    "plugin": {"arms", "baselines", "datasets", "judging", "measuring", "reports", "sessions"},
    "reports": {"baselines", "judging"},
    "sessions": {"arms", "judging", "measuring", "workers"},
    "baselines": {"judging"},
    "measuring": {"arms", "datasets", "judging", "workers"},
    "judging": set(),
    "arms": {"workers"},
    "workers": set(),
    "datasets": {"workers"},
}
"""What each package of fixtures/ may import of the others: arrows point down, from options to processes."""

MOST_SIBLINGS = 10
"""Modules of fixtures/ that one of them imports: more, and nobody knows what it is about."""

DECODERS = {
    "fixtures/datasets/torchvision_source.py": "its function that reads with torchvision runs in a child process",
}
"""Modules of fixtures/ that may import a framework, inside a function only, and why."""

PARENT_SIDE_OF_WORKERS = {
    "fixtures/workers/parent.py": "starts workers and talks to them through execnet",
    "fixtures/workers/last_words.py": "reads the logs of workers",
    "fixtures/workers/starting.py": "what execnet starts their processes with",
    "fixtures/workers/strays.py": "ends what workers leave behind",
}
"""Modules of fixtures/workers/ that no worker imports, and why; all others must be importable in any environment."""


def sources(folder: str) -> list[str]:
    """Python files of a folder, relative to the project."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of all modules that a syntax tree imports, wherever in it, also by ``import_module("…")``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # "from fixtures import laboratory" imports a module too, so the whole dotted name counts.
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if node.level == 0 else {"relative import"}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "import_module",
            "__import__",
        ):
            literals = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            names |= {str(literal) for literal in literals}
    return names


def imported_by(path: str) -> set[str]:
    """Dotted names that a file of the project imports."""
    return imported(ast.parse((ROOT / path).read_text(encoding="utf-8")))


def beyond(names: set[str], allowed: frozenset[str]) -> list[str]:
    """Names whose top-level package is neither in the standard library nor allowed."""
    return sorted(name for name in names if name.partition(".")[0] not in allowed | sys.stdlib_module_names)


def of_frameworks(names: set[str]) -> set[str]:
    """Names that belong to a framework."""
    return {name for name in names if name.partition(".")[0] in FRAMEWORK_PACKAGES}


def own_packages(path: str) -> frozenset[str]:
    """Packages of the frameworks whose adapter is the file; none for any other file."""
    module = path.removesuffix(".py").replace("/", ".")
    return frozenset(
        package for framework in FRAMEWORKS.values() if framework.module == module for package in framework.packages
    )


@pytest.mark.parametrize("path", sources("models"))
def test_models_know_numpy_and_an_adapter_its_own_framework(path: str) -> None:
    """models/ imports the standard library, NumPy and itself; an adapter also its own framework, and no other."""
    assert beyond(imported_by(path), own_packages(path) | {"models", "numpy"}) == []


@pytest.mark.parametrize("path", sources("fixtures"))
def test_fixtures_import_no_framework(path: str) -> None:
    """The process that measures imports no framework; a decoder does so in a function that a child process calls."""
    if path in DECODERS:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        in_functions = set().union(*(imported(function) for function in functions))
        at_import = {name for statement in tree.body for name in imported_outside_functions(statement)}
        assert of_frameworks(in_functions), "the file imports no framework any more: take it off the list"
        assert of_frameworks(at_import) == set()
    else:
        assert of_frameworks(imported_by(path)) == set()


def imported_outside_functions(statement: ast.AST) -> set[str]:
    """Names that are imported as soon as the statement's module is."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return imported(statement)
    return {name for child in ast.iter_child_nodes(statement) for name in imported_outside_functions(child)}


@pytest.mark.parametrize("path", sources("fixtures"))
def test_fixtures_do_not_know_the_benchmarks(path: str) -> None:
    """Arrows point one way: fixtures/ imports neither bench/ nor tests/."""
    assert {name for name in imported_by(path) if name.partition(".")[0] in ("bench", "tests", "conftest")} == set()


@pytest.mark.parametrize("path", [path for path in sources("fixtures/workers") if path not in PARENT_SIDE_OF_WORKERS])
def test_a_workers_side_needs_only_numpy(path: str) -> None:
    """What runs in a worker can be imported in any environment: standard library, NumPy, models/ and itself."""
    names = imported_by(path)
    assert beyond(names, frozenset({"models", "numpy", "fixtures"})) == []
    of_fixtures = {name for name in names if name.partition(".")[0] == "fixtures"}
    assert sorted(name for name in of_fixtures if not name.startswith("fixtures.workers.")) == []
    parents = tuple(path.removesuffix(".py").replace("/", ".") for path in PARENT_SIDE_OF_WORKERS)
    assert sorted(name for name in of_fixtures if name.startswith(parents)) == []


def test_packages_around_a_workers_side_import_nothing() -> None:
    """Importing fixtures.workers runs fixtures/__init__.py too, in a worker that may lack what the parent has."""
    assert imported_by("fixtures/__init__.py") | imported_by("fixtures/workers/__init__.py") == set()


@pytest.mark.parametrize("path", sources("bench"))
def test_benchmarks_import_pytest_and_fixtures(path: str) -> None:
    """bench/ reads like a list of what is measured: it imports pytest and fixtures/ and nothing below."""
    assert beyond(imported_by(path), frozenset({"bench", "fixtures", "pytest"})) == []


def test_conftest_only_names_plugins() -> None:
    """The top conftest.py is a docstring and a list of plugin modules."""
    statements = ast.parse((ROOT / "conftest.py").read_text(encoding="utf-8")).body
    code = [statement for statement in statements if not isinstance(statement, ast.Expr)]
    kept = [statement for statement in code if ast.unparse(statement) != "from __future__ import annotations"]
    assert [ast.unparse(statement).partition(" = ")[0] for statement in kept] == ["pytest_plugins"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("def f():\n    import torch.nn", {"torch.nn"}, id="in-a-function"),
        pytest.param("if TYPE_CHECKING:\n    from jax import Array", {"jax.Array"}, id="for-types-only"),
        pytest.param("importlib.import_module('keras')", {"keras"}, id="by-name"),
        pytest.param("from . import child", {"relative import"}, id="relative"),
    ],
)
def test_no_import_escapes_the_laws(source: str, expected: set[str]) -> None:
    """Imports are found wherever they stand, so that a law cannot be got round by accident."""
    assert imported(ast.parse(source)) == expected


def test_an_import_in_a_class_body_is_not_in_a_function() -> None:
    """Only a function delays an import; a class body or a condition runs as the module is imported."""
    source = "class A:\n    import torch\n    def f(self):\n        import jax\nif True:\n    import keras"
    names = imported_outside_functions(ast.parse(source))
    assert names == {"torch", "keras"}


def project_files() -> list[Path]:
    """Files that are in the repository, or would be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_where_this_checkout_is() -> None:
    """A clone works anywhere: no file holds the absolute path of the checkout."""
    here = f"{ROOT}/".encode()
    assert [path.relative_to(ROOT).as_posix() for path in project_files() if here in path.read_bytes()] == []


def test_requirements_name_no_address() -> None:
    """Pinned requirements hold versions and hashes; where they come from is the user's own setting."""
    files = sorted((ROOT / "requirements").iterdir())
    assert [path.name for path in files if "://" in path.read_text(encoding="utf-8")] == []
    assert {path.name for path in files} >= {"bootstrap.txt", "requirements.txt"}


def package_of(module: str) -> str:
    """The package of fixtures/ that a module of it belongs to."""
    return module.split(".")[1]


def modules_imported_by(path: str) -> set[str]:
    """Modules and packages of fixtures/ that a file imports, by their dotted names."""
    names = {name for name in imported_by(path) if name.startswith("fixtures.")}
    files = {source.removesuffix(".py").replace("/", ".") for source in sources("fixtures")}
    modules = {name.removesuffix(".__init__") for name in files}
    return {name if name in modules else name.rpartition(".")[0] for name in names}


def test_fixtures_consists_of_its_packages() -> None:
    """There is no loose module beside them, and no package that the law does not know."""
    found = {path.split("/")[1] for path in sources("fixtures")}
    assert found - {"__init__.py"} == set(PACKAGES)


@pytest.mark.parametrize("path", [path for path in sources("fixtures") if path.count("/") > 1])
def test_a_package_imports_only_what_is_below_it(path: str) -> None:
    """Whoever wants to use a package needs to know the packages below it, and no other."""
    own = path.split("/")[1]
    reports = {"reports"} if path.endswith("/__main__.py") else set()  # a command shows what its package has found
    assert {package_of(module) for module in modules_imported_by(path)} - {own} <= PACKAGES[own] | reports


@pytest.mark.parametrize("path", sources("fixtures"))
def test_only_the_plugin_knows_pytest(path: str) -> None:
    """Everything below it can be used, and tested, without."""
    if path.split("/")[1] != "plugin":
        assert not {name for name in imported_by(path) if name.partition(".")[0] in ("pytest", "_pytest")}


@pytest.mark.parametrize("path", sources("fixtures"))
def test_no_module_imports_too_many_others(path: str) -> None:
    """A module that imports many does many things."""
    assert len(modules_imported_by(path)) <= MOST_SIBLINGS, sorted(modules_imported_by(path))


def test_no_modules_import_each_other() -> None:
    """Not even for types: each can be read after those that it imports."""
    graph = {
        path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): modules_imported_by(path)
        for path in sources("fixtures")
    }
    while leaves := [module for module, imports in graph.items() if not imports & graph.keys() - {module}]:
        for module in leaves:
            del graph[module]
    assert graph == {}


@pytest.mark.parametrize("path", sources("fixtures/judging"))
def test_the_gate_is_pure(path: str) -> None:
    """From readings to verdicts: no pytest, no files, no processes, nothing else of the suite."""
    impure = {"os", "pathlib", "subprocess", "time", "io", "pytest"}
    names = imported_by(path)
    assert not {name.partition(".")[0] for name in names} & impure
    assert beyond(names, frozenset({"numpy", "scipy", "fixtures"})) == []
    assert all(name.startswith("fixtures.judging.") for name in names if name.startswith("fixtures."))
