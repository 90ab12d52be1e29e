# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from tests.test_ppm.conftest import model_folder  # noqa: F401  a fixture
