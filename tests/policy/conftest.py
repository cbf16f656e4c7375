"""The policy that the rollout tests share."""

from pathlib import Path

import pytest

from tests.policy.cloned_policy import train_policy


@pytest.fixture(scope="session")
def policy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    train_policy(folder)
    return folder
