"""Check how the pages are written: what a reader meets, cell by cell.

An exported name is used or tested before the next one is defined; no cell that is shown is over 25 lines; no name is
bound twice on a page; every parameter of a public function says what it is. Each finding is a line: page, cell, rule, name.
"""
import argparse
import ast
import io
import sys
import tokenize

from execnb.nbio import read_nb
from nbdev.process import extract_directives

import pages

MOST_LINES = 25
EXPORTS = {"export", "exports", "exporti"}
HIDDEN = {"hide", "export", "exporti"}


def code_cells(path):
    """The id, directives, syntax tree and code of each code cell; magics are left out."""
    for cell in read_nb(path).cells:
        if cell.cell_type == "code" and not cell.source.lstrip().startswith(("%", "!")):
            lines = cell.source.split("\n")
            while lines and (lines[0].startswith("#|") or not lines[0].strip()):
                lines.pop(0)
            code = "\n".join(lines).rstrip()
            yield cell.id, extract_directives(cell, remove=False), ast.parse(code), code


def is_public(name):
    return not name.startswith("_")


def patched(node):
    """The class that a function is patched into, or None."""
    if isinstance(node, ast.FunctionDef) and any("patch" in ast.unparse(decorator) for decorator in node.decorator_list):
        return next((ast.unparse(arg.annotation) for arg in node.args.args[:1] if arg.annotation), "")


def targets(node):
    """The names that an assignment's target binds."""
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def defined(tree):
    """The public names that a cell defines: functions, classes, values, and `Class.method` for what is patched in."""
    for node in tree.body:
        names = []
        if (owner := patched(node)) is not None:
            names = [f"{owner}.{node.name}"] if is_public(node.name) else []
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            names = [name for target in getattr(node, "targets", [getattr(node, "target", None)]) for name in targets(target)]
        yield from filter(is_public, names)


def used(tree):
    """The names and attributes that a cell reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def untested(cells):
    """Each exported name that is not used before the next exported cell that defines one."""
    open_names, where = [], None
    for id_, directives, tree, _ in cells:
        is_exported = bool(EXPORTS & directives.keys())
        names = list(defined(tree)) if is_exported else []
        if names:
            yield from ((where, name) for name in open_names)
            open_names, where = names, id_
            if len(names) > 1:
                yield from ((id_, name) for name in names[:-1])
                open_names = names[-1:]
        else:
            found = set(used(tree))
            open_names = [name for name in open_names if name.rpartition(".")[2] not in found]
    yield from ((where, name) for name in open_names)


def too_long(cells):
    """Each cell that a reader sees and that has too many lines."""
    for id_, directives, _, code in cells:
        shown = not HIDDEN & directives.keys() and directives.get("echo:") != ["false"] and directives.get("include:") != ["false"]
        if shown and (count := code.count("\n") + 1) > MOST_LINES:
            yield id_, f"{count} lines"


def bound(node_with_body):
    """The names that a cell binds outside its functions and classes, but for the variables of loops and `with`."""
    for node in node_with_body.body:
        for block in (ast.Module(getattr(node, part, []), []) for part in ("body", "orelse", "finalbody")):
            yield from [] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else bound(block)
        yield from (name for handler in getattr(node, "handlers", []) for name in bound(handler))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield from [] if patched(node) is not None else [node.name]
        elif isinstance(node, ast.Assign):
            yield from (name for target in node.targets for name in targets(target))
        elif isinstance(node, ast.AnnAssign):
            yield from targets(node.target)


def bound_twice(cells):
    """Each name that is bound in more than one cell, or defined twice in one."""
    first = {}
    for id_, _, tree, _ in cells:
        names = list(bound(tree))
        for name in dict.fromkeys(names):
            if name != "_" and first.setdefault(name, id_) != id_:
                yield id_, name
    for id_, _, tree, _ in cells:
        made = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and patched(node) is None]
        yield from ((id_, name) for name in sorted({name for name in made if made.count(name) > 1}))


def public_functions(tree):
    """The public functions of a cell, patched methods and the constructors of public classes, with their full names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and is_public(node.name):
            owner = patched(node)
            yield node.name if owner is None else f"{owner}.{node.name}", node
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from ((f"{node.name}.__init__", child) for child in node.body
                        if isinstance(child, ast.FunctionDef) and child.name == "__init__")


def without_comment(cells):
    """Each parameter of a public function that has no comment on its line, as `function(parameter)`."""
    for id_, directives, tree, code in cells:
        if EXPORTS & directives.keys():
            tokens = tokenize.generate_tokens(io.StringIO(code).readline)
            comments = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
            for name, function in public_functions(tree):
                args = function.args
                named = [arg for arg in (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg) if arg]
                lines = [arg.lineno for arg in named]
                for arg in named:
                    is_self = arg.arg in ("self", "cls") and arg is named[0]
                    if not is_self and (arg.lineno not in comments or lines.count(arg.lineno) > 1):
                        yield id_, f"{name}({arg.arg})"


RULES = {"untested": untested, "long": too_long, "twice": bound_twice, "uncommented": without_comment}


def findings(path):
    """A line for each thing on a page that breaks a rule."""
    cells = list(code_cells(path))
    return [f"{path.stem} {id_} {rule} {name}" for rule, check in RULES.items() for id_, name in check(cells)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="*", help="a notebook's path or name (default: all pages)")
    args = parser.parse_args()
    lines = [line for path in pages.find(args.page) for line in findings(path)]
    print("\n".join(lines or ["pages are written as they should be"]))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
