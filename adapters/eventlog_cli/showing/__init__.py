"""What people and programs are shown: texts, tables, times, records, documents."""
