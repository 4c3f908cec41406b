-- Rows as version 0.1.0 wrote them after the first migration; both databases read it.
INSERT INTO drift_record (project, generation, at, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up)
VALUES ('price', 1, '2026-11-24T10:00:00+00:00', 1, 1, NULL, NULL, NULL, NULL, FALSE, TRUE);
INSERT INTO drift_record (project, generation, at, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up)
VALUES ('price', 1, '2026-11-24T10:00:00.500+00:00', 2, 1, -0.25, 5.5, NULL, NULL, FALSE, FALSE);
INSERT INTO drift_record (project, generation, at, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up)
VALUES ('Labels-2', 7, '2026-11-24T10:00:59.999999+00:00', 400, 200, 11.5, 7.8, 0.001, 0.125, TRUE, FALSE);
INSERT INTO drift_record (project, generation, at, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up)
VALUES ('price', 1, '2026-11-24T10:01:00+00:00', 3, 1, 6.25, 5.5, NULL, NULL, TRUE, FALSE);
