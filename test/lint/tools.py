"""The tools that a build folder holds: BUILD/tools/NAME/NAME."""
import os
import pathlib


def built_tools(build):
    found = []
    for folder in sorted(pathlib.Path(build, "tools").iterdir()):
        path = folder / folder.name
        if path.is_file() and os.access(path, os.X_OK):
            found.append((folder.name, str(path)))
    if not found:
        raise SystemExit(f"no tool is built in {build}")
    return found
