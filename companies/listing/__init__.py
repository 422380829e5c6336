"""The lists of people in Administration: a narrow table that keeps up with the people, and what is asked of it."""
