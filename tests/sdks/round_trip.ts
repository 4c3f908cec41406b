// A fit, predictions and their trend by the generated TypeScript client: round_trip.js URL, with the key in DRIFTING_API_KEY.

import assert from 'node:assert/strict';
import process from 'node:process';

import { createClient, createConfig } from './typescript/client/index.js';
import {
  fitProject,
  listMetrics,
  listProjects,
  predict,
  type DataRecord,
  type FitRequest,
  type Metric,
  type MetricBucket,
  type Problem,
  type TrendPoint,
} from './typescript/index.js';

const N_REFERENCE = 200;

const isMetric = (point: TrendPoint): point is Metric => 'time' in point;
const isBucket = (point: TrendPoint): point is MetricBucket => 'until' in point;

/** The problem that an answer is, which its type already says. */
function problem(answer: { error?: Problem | undefined }): Problem {
  assert(answer.error !== undefined, 'the answer is a problem');
  return answer.error;
}

const [, , url] = process.argv;
const key = process.env['DRIFTING_API_KEY'];
assert(url !== undefined && key !== undefined, 'the URL is the argument, the key stands in DRIFTING_API_KEY');
const client = createClient(createConfig({ baseUrl: url, auth: key }));
const throwOnError = true;

const reference = Array.from({ length: N_REFERENCE }, (_, n) => ((n * 37) % 101) / 101);
const body: FitRequest = {
  drift_type: 'label',
  data: reference,
  detector: { kind: 'cvm_online', ert: 100, window_sizes: [10], n_bootstraps: 2000, sigma: null },
  overwrite: true,
};
const fitted = await fitProject({ client, throwOnError, path: { project: 'typescript' }, body });
assert('detector' in fitted.data, 'it was waited for');
assert.equal(fitted.data.detector?.kind, 'cvm_online');
assert.equal(fitted.data.reference_rows, N_REFERENCE);

// One row, and many.
const path = { project: 'typescript' };
const one = await predict({ client, throwOnError, path, body: { data: [0.5] } });
assert.deepEqual([one.data.rows, one.data.warm_up, one.data.statistic, one.data.is_drift], [1, true, null, false]);
const refused = await predict({ client, path, body: { data: { value: [0.5, null] } } });
assert.equal(problem(refused).code, 'invalid_data');
const many = await predict({ client, throwOnError, path, body: { data: Array<number>(30).fill(7.5) } });
const { statistic, threshold } = many.data;
assert.deepEqual([many.data.rows, many.data.time, many.data.is_drift, many.data.results.length], [30, 31, true, 30]);
assert(statistic !== null && threshold !== null && statistic > threshold);

// Records and arrays.
const records = Array.from({ length: 60 }, (_, n): DataRecord => ({ price: (n % 7) / 7, day: n % 2 ? 'mon' : 'tue' }));
const table: FitRequest = { drift_type: 'tabular', data: records, detector: { kind: 'tabular' } };
const place = { project: 'typescript-table' };
await fitProject({ client, throwOnError, path: place, body: { ...table, overwrite: true } });
const rows = Array.from({ length: 20 }, () => [9.5, 'sun']);
const judged = await predict({ client, throwOnError, path: place, body: { data: rows } });
assert(judged.data.is_drift);
assert.deepEqual(judged.data.features.find((feature) => feature.name === 'day')?.unseen_categories, ['sun']);

// The trend, one by one and in buckets.
const trend = await listMetrics({ client, throwOnError, path });
assert(typeof trend.data !== 'string', 'JSON was asked for');
const times = trend.data.metrics.filter(isMetric).map((metric) => metric.time);
assert.deepEqual(times, Array.from({ length: 31 }, (_, n) => n + 1));
const buckets = await listMetrics({ client, throwOnError, path, query: { resolution: '366d' } });
assert(typeof buckets.data !== 'string', 'JSON was asked for');
assert.equal(buckets.data.metrics.filter(isBucket).reduce((sum, bucket) => sum + bucket.rows, 0), 31);

const page = await listProjects({ client, throwOnError });
const names = page.data.projects.map((project) => project.project);
assert(['typescript', 'typescript-table'].every((name) => names.includes(name)));

// Errors are problems.
const missing = problem(await predict({ client, path: { project: 'nobody' }, body: { data: [0.5] } }));
assert.deepEqual([missing.status, missing.code], [404, 'project_not_found']);
const exists = problem(await fitProject({ client, path: place, body: table }));
assert.equal(exists.code, 'project_exists');
const stranger = createClient(createConfig({ baseUrl: url, auth: 'another key' }));
assert.equal(problem(await listProjects({ client: stranger })).code, 'unauthenticated');
console.log(`typescript: ${one.data.rows + many.data.rows} rows judged, ${times.length} metrics, statistic ${statistic.toFixed(2)}`);
