"""What several of these tests start with."""

import pytest

from tests.models import chat_tokenizer, tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A folder with a model that talks in the format of a chat, as Qwen does."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = chat_tokenizer()
    tiny_model(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
