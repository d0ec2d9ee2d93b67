//! Stories across crates: the real planner and engine in the rehearsal world. Everything lies in `it/`.
