"""The leaderboard as tables: Markdown, LaTeX and CSV, a file per benchmark, and an index."""
