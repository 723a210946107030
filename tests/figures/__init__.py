"""Programs that measure the suite itself. They are run by hand on a quiet machine; they assert nothing."""
