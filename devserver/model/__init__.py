"""The data of a run as frozen models: request, plan, rows, events, results, record, answer. JSON only at the edges."""
