"""Runs in the project's interpreter: Django's test runner, the one that the project has chosen, telling what happens.

`manage.py test --testrunner fanfold_django.DjangoRunner`, with this file's folder on PYTHONPATH.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings  # type: ignore[import-not-found]  # the project's
from django.db import connections  # type: ignore[import-not-found]  # the project's
from django.test.utils import get_runner  # type: ignore[import-not-found]  # the project's
from fanfold_unittest import Result, Runner  # type: ignore[import-not-found]  # beside this file

_DEFAULT = "django.test.runner.DiscoverRunner"
_OWN = "fanfold_django."


def _chosen() -> Any:
    """Return the project's runner. Django has put this one in the place of its name by now, on some versions."""
    name = settings.TEST_RUNNER
    return get_runner(settings, _DEFAULT if name.startswith(_OWN) else name)


class DjangoRunner(_chosen()):  # type: ignore[misc]  # known when it runs
    """The project's runner, with results that write, and databases that no other shard has."""

    test_runner = Runner

    def get_resultclass(self) -> Any:
        """Return the result that writes."""
        return Result

    def setup_databases(self, **options: Any) -> Any:
        """Name test databases after the shard, but for those in memory."""
        suffix = os.environ.get("FANFOLD_DATABASE_SUFFIX")
        for alias in connections if suffix else ():
            connection = connections[alias]
            name = connection.creation._get_test_db_name()
            if connection.vendor != "sqlite" or not connection.creation.is_in_memory_db(name):
                connection.settings_dict["TEST"]["NAME"] = f"{name}_{suffix}"
        return super().setup_databases(**options)
