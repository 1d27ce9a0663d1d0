/** The meaning of a tracker's answer or error for what was sent: causes as data, and the outcomes that follow. */
export {
  asLater,
  type CauseRule,
  type CommonCause,
  type FailedAnswer,
  type Failure,
  type FailureRules,
  Failures,
  type Found,
} from './failures.ts';
export { type Meaning, meaningOf, type NotAccepted, outcomeOf, outcomeOfThrown, Stop } from './outcomes.ts';
