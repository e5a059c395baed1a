"""`python -m rehearsal`: the program itself, in the place of this process."""

import os
import sys

from rehearsal import program


def main() -> None:
    path = program()
    os.execv(path, [str(path), *sys.argv[1:]])


if __name__ == "__main__":
    main()
