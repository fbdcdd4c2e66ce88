"""What a project's tests share: the pytest plugin that an installed library brings (entry point `pytest11`)."""
