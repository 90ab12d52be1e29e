# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The sources of UniKPT: each module here that registers one is found."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f'{__name__}.{_module.name}')
