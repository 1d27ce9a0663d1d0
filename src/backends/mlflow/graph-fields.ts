/** The fields of TensorFlow's graphs and of what it tells about a step, by their numbers on the wire. */

export type Kind = 'string' | 'bytes' | 'int' | 'unsigned' | 'bool' | 'float' | 'double' | 'dtype' | (() => Fields);
export type Fields = Readonly<Record<number, readonly [name: string, kind: Kind]>>;

const mapOf = (value: Kind, key: Kind = 'string'): Kind => {
  const fields: Fields = { 1: ['key', key], 2: ['value', value] };
  return () => fields;
};

const DIM: Fields = { 1: ['size', 'int'], 2: ['name', 'string'] };
const SHAPE: Fields = { 2: ['dim', () => DIM], 3: ['unknown_rank', 'bool'] };
const TENSOR: Fields = {
  1: ['dtype', 'dtype'],
  2: ['tensor_shape', () => SHAPE],
  3: ['version_number', 'int'],
  4: ['tensor_content', 'bytes'],
  5: ['float_val', 'float'],
  6: ['double_val', 'double'],
  7: ['int_val', 'int'],
  8: ['string_val', 'bytes'],
  9: ['scomplex_val', 'float'],
  10: ['int64_val', 'int'],
  11: ['bool_val', 'bool'],
  12: ['dcomplex_val', 'double'],
  13: ['half_val', 'int'],
  16: ['uint32_val', 'unsigned'],
  17: ['uint64_val', 'unsigned'],
};
const LIST: Fields = {
  2: ['s', 'bytes'],
  3: ['i', 'int'],
  4: ['f', 'float'],
  5: ['b', 'bool'],
  6: ['type', 'dtype'],
  7: ['shape', () => SHAPE],
  8: ['tensor', () => TENSOR],
  9: ['func', () => FUNCTION_NAME],
};
const ATTRIBUTE: Fields = {
  1: ['list', () => LIST],
  2: ['s', 'bytes'],
  3: ['i', 'int'],
  4: ['f', 'float'],
  5: ['b', 'bool'],
  6: ['type', 'dtype'],
  7: ['shape', () => SHAPE],
  8: ['tensor', () => TENSOR],
  9: ['placeholder', 'string'],
  10: ['func', () => FUNCTION_NAME],
};
const ATTRIBUTES = mapOf(() => ATTRIBUTE);
const FUNCTION_NAME: Fields = { 1: ['name', 'string'], 2: ['attr', ATTRIBUTES] };
const ORIGIN: Fields = { 1: ['original_node_names', 'string'], 2: ['original_func_names', 'string'] };
const FULL_TYPE: Fields = { 1: ['type_id', 'int'], 2: ['args', () => FULL_TYPE], 3: ['s', 'string'], 4: ['i', 'int'] };
const NODE: Fields = {
  1: ['name', 'string'],
  2: ['op', 'string'],
  3: ['input', 'string'],
  4: ['device', 'string'],
  5: ['attr', ATTRIBUTES],
  6: ['experimental_debug_info', () => ORIGIN],
  7: ['experimental_type', () => FULL_TYPE],
};
const HANDLE: Fields = { 1: ['dtype', 'dtype'], 2: ['shape', () => SHAPE] };
const ARGUMENT: Fields = {
  1: ['name', 'string'],
  2: ['description', 'string'],
  3: ['type', 'dtype'],
  4: ['type_attr', 'string'],
  5: ['number_attr', 'string'],
  6: ['type_list_attr', 'string'],
  7: ['handle_data', () => HANDLE],
  16: ['is_ref', 'bool'],
  17: ['experimental_full_type', () => FULL_TYPE],
};
const OP_ATTRIBUTE: Fields = {
  1: ['name', 'string'],
  2: ['type', 'string'],
  3: ['default_value', () => ATTRIBUTE],
  4: ['description', 'string'],
  5: ['has_minimum', 'bool'],
  6: ['minimum', 'int'],
  7: ['allowed_values', () => ATTRIBUTE],
};
const SIGNATURE: Fields = {
  1: ['name', 'string'],
  2: ['input_arg', () => ARGUMENT],
  3: ['output_arg', () => ARGUMENT],
  4: ['attr', () => OP_ATTRIBUTE],
  5: ['summary', 'string'],
  6: ['description', 'string'],
  16: ['is_aggregate', 'bool'],
  17: ['is_stateful', 'bool'],
  18: ['is_commutative', 'bool'],
  19: ['allows_uninitialized_input', 'bool'],
  20: ['control_output', 'string'],
  21: ['is_distributed_communication', 'bool'],
};
const ARGUMENT_ATTRIBUTES: Fields = { 1: ['attr', ATTRIBUTES] };
const FUNCTION: Fields = {
  1: ['signature', () => SIGNATURE],
  3: ['node_def', () => NODE],
  4: ['ret', mapOf('string')],
  5: ['attr', ATTRIBUTES],
  6: ['control_ret', mapOf('string')],
  7: ['arg_attr', mapOf(() => ARGUMENT_ATTRIBUTES, 'unsigned')],
  8: ['resource_arg_unique_id', mapOf('unsigned', 'unsigned')],
};
const GRADIENT: Fields = { 1: ['function_name', 'string'], 2: ['gradient_func', 'string'] };
const LIBRARY: Fields = { 1: ['function', () => FUNCTION], 2: ['gradient', () => GRADIENT] };
const VERSIONS: Fields = { 1: ['producer', 'int'], 2: ['min_consumer', 'int'], 3: ['bad_consumers', 'int'] };
export const GRAPH: Fields = {
  1: ['node', () => NODE],
  2: ['library', () => LIBRARY],
  3: ['version', 'int'],
  4: ['versions', () => VERSIONS],
};
const FUNCTION_GRAPHS: Fields = {
  1: ['partition_graphs', () => GRAPH],
  2: ['pre_optimization_graph', () => GRAPH],
  3: ['post_optimization_graph', () => GRAPH],
};
const ALLOCATION: Fields = {
  1: ['requested_bytes', 'int'],
  2: ['allocated_bytes', 'int'],
  3: ['allocator_name', 'string'],
  4: ['allocation_id', 'int'],
  5: ['has_single_reference', 'bool'],
  6: ['ptr', 'unsigned'],
};
const ALLOCATION_RECORD: Fields = { 1: ['alloc_micros', 'int'], 2: ['alloc_bytes', 'int'] };
const MEMORY: Fields = {
  1: ['allocator_name', 'string'],
  2: ['total_bytes', 'int'],
  3: ['peak_bytes', 'int'],
  4: ['live_bytes', 'int'],
  5: ['allocator_bytes_in_use', 'int'],
  6: ['allocation_records', () => ALLOCATION_RECORD],
};
const TENSOR_DESCRIPTION: Fields = { 1: ['dtype', 'dtype'], 2: ['shape', () => SHAPE], 4: ['allocation_description', () => ALLOCATION] };
const OUTPUT: Fields = { 1: ['slot', 'int'], 3: ['tensor_description', () => TENSOR_DESCRIPTION] };
const MEMORY_STATS: Fields = {
  1: ['temp_memory_size', 'int'],
  2: ['device_temp_memory_size', 'int'],
  3: ['persistent_memory_size', 'int'],
  4: ['device_persistent_memory_size', 'int'],
  5: ['persistent_tensor_alloc_ids', 'int'],
  6: ['device_persistent_tensor_alloc_ids', 'int'],
};
const NODE_STATS: Fields = {
  1: ['node_name', 'string'],
  2: ['all_start_micros', 'int'],
  3: ['op_start_rel_micros', 'int'],
  4: ['op_end_rel_micros', 'int'],
  5: ['all_end_rel_micros', 'int'],
  6: ['memory', () => MEMORY],
  7: ['output', () => OUTPUT],
  8: ['timeline_label', 'string'],
  9: ['scheduled_micros', 'int'],
  10: ['thread_id', 'unsigned'],
  11: ['referenced_tensor', () => ALLOCATION],
  12: ['memory_stats', () => MEMORY_STATS],
  13: ['all_start_nanos', 'int'],
  14: ['op_start_rel_nanos', 'int'],
  15: ['op_end_rel_nanos', 'int'],
  16: ['all_end_rel_nanos', 'int'],
  17: ['scheduled_nanos', 'int'],
};
const DEVICE_STATS: Fields = {
  1: ['device', 'string'],
  2: ['node_stats', () => NODE_STATS],
  3: ['thread_names', mapOf('string', 'unsigned')],
};
const STEP_STATS: Fields = { 1: ['dev_stats', () => DEVICE_STATS] };
export const RUN_METADATA: Fields = {
  1: ['step_stats', () => STEP_STATS],
  3: ['partition_graphs', () => GRAPH],
  4: ['function_graphs', () => FUNCTION_GRAPHS],
};

// biome-ignore format: a table
export const DTYPES = [
  'DT_INVALID', 'DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_UINT8', 'DT_INT16', 'DT_INT8', 'DT_STRING', 'DT_COMPLEX64', 'DT_INT64', 'DT_BOOL', 'DT_QINT8',
  'DT_QUINT8', 'DT_QINT32', 'DT_BFLOAT16', 'DT_QINT16', 'DT_QUINT16', 'DT_UINT16', 'DT_COMPLEX128', 'DT_HALF', 'DT_RESOURCE', 'DT_VARIANT', 'DT_UINT32', 'DT_UINT64',
];
