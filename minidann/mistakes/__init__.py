"""Which mistake is it? `mutants` is a bank of known ones, `diagnosis` names what it sees."""
