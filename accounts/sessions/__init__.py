"""Sessions: how they are kept (`models`, `store`), which one acts (`current`), and those of a person (`listed`)."""
