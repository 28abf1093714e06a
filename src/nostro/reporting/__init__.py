"""The books as people outside read them: reports by period, periods and their close, exports."""
