"""What search means, whatever the database: the words of a text, what is looked for, the hits."""
