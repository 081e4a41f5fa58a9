// The door of hooks/: the plan of handlers, the asking of a hook, and the routing of recipients.

export { ConnectCall, DataCall, MailFromCall, RcptCall, type Transaction } from './calls.ts';
export { FAILURE, silence } from './defaults.ts';
export {
  type BodyTransform,
  type Edit,
  type EditAuthor,
  EditList,
  type RewriteEdit,
  type SignEdit,
} from './edits.ts';
export { NoteBook } from './note-book.ts';
export { Asking, type HookQuestion, type Ruling } from './pipeline.ts';
export {
  describePlan,
  type ListenerPlan,
  type PlanLine,
  type PlannedHandler,
  type PlannedPlugin,
  planFor,
} from './plan.ts';
export { groupByRoute, NO_ROUTE, type Route, Routing, type Transport } from './routing.ts';
