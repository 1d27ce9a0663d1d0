/** Does tasks in several threads at the same time, and gives the results in the order of the tasks. */
export { jobsWorthwhile, type WorkSize } from './jobs-worthwhile.ts';
export { OrderedWorkers, type OrderedWorkersOptions } from './ordered-workers.ts';
export { serveTasks, type TaskLink, type TaskServer } from './serve-tasks.ts';
