# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from tests import unikpt_toy


@pytest.fixture
def toys(tmp_path):
    """A folder with the sources 'pets' and 'cars', the only ones known."""
    unikpt_toy.write_pets(tmp_path / 'sources' / 'pets')
    unikpt_toy.write_cars(tmp_path / 'sources' / 'cars')
    with unikpt_toy.only(unikpt_toy.Pets, unikpt_toy.Cars):
        yield tmp_path / 'sources'
