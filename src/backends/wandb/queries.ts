/**
 * The queries of the service's API, in the form of the official client: the files in its `core/api/graphql`
 * (`query_viewer`, `query_server_features`, `query_run_resume_status`, `mutation_run`, `mutation_create_run_files`),
 * and, for listings of files and the removal of runs, `wandb/apis/public/files.py` and `wandb/apis/public/runs.py`.
 */

/** The owner of the key. */
export const VIEWER = 'query Viewer { viewer { id entity username } }';
/** The optional features of the server. */
export const FEATURES = 'query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }';
/** A run by its id. */
export const RESUME_STATUS = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { id name entity { id name } bucket(name: $name, missingOk: true) {
    id name displayName historyLineCount summaryMetrics config tags project { name entity { name } } } } }`;
/** The notes that people wrote about a run. */
export const NOTES = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { id notes } } }`;
/** The last row of a run's history. */
export const LAST_ROW = `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { id historyTail } } }`;
/** Creates or changes a run. */
export const UPSERT = `mutation UpsertBucket($name: String, $project: String, $entity: String, $groupName: String,
  $displayName: String, $notes: String,
  $config: JSONString, $tags: [String!], $jobType: String, $state: String) {
  upsertBucket(input: { name: $name, modelName: $project, entityName: $entity, groupName: $groupName,
    displayName: $displayName, notes: $notes,
    config: $config, tags: $tags, jobType: $jobType, state: $state }) {
    bucket { id name displayName config summaryMetrics tags project { name entity { name } } historyLineCount } inserted } }`;
/** The upload addresses for files of a run. */
export const CREATE_FILES = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) {
    runID uploadHeaders files { name uploadUrl } } }`;
/** A run's files, for servers that do not support pages. */
export const ALL_FILES = `query RunFiles($entity: String, $project: String, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { files(first: 1000000) {
    edges { node { name sizeBytes directUrl } } } } } }`;
/** A range of a run's history. */
export const HISTORY = `query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!,
  $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }`;
/** Removes a run. */
export const DELETE_RUN = 'mutation DeleteRun($id: ID!) { deleteRun(input: { id: $id, deleteArtifacts: false }) { success } }';
