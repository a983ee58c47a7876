"""What the environment's interpreter runs: the package as it stands in this checkout, wherever the person is."""

import atexit
import gc
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


# What is imported stays, so that nothing of it is looked at until it is there: the command line turns this on again.
gc.disable()
# Registered first, these are called last: to look for garbage before the process ends, which frees everything, would
# take a tenth of a second of each command.
atexit.register(gc.freeze)
atexit.register(gc.disable)


def run() -> None:
    """Run the command line; an environment that was damaged since it was built is one line and exit code 2."""
    try:
        from fanfold.cli import main
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "fanfold":
            raise  # a defect of ours
        sys.stderr.write(f"fanfold: {error}; remove {sys.prefix} to have it built anew\n")
        sys.exit(2)
    sys.argv[0] = "fanfold"
    sys.exit(main())


if __name__ == "__main__":
    run()
