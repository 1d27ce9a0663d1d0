/** Lets TensorBoard show a local store: the data that it asks another process for, over gRPC. */
export { findTensorBoard, runTensorBoard } from './program.ts';
export { serveTensorBoard, type TensorBoardData, type TensorBoardOptions } from './server.ts';
