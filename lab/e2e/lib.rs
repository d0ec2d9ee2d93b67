//! Nothing: the stories are in `tests/lab`.
