// The door of delivery/: the scheduler, the operator's hand on the queue, the checks of what the operator has written, and
// the core's own classifier of bounces.

export { bounceTable } from './bounce-table.ts';
export { checkDestinations } from './destination-rules.ts';
export { type ItineraryServices, itineraryOf, type Leg } from './itinerary.ts';
export type { LaneReport, LaneWait } from './lane-report.ts';
export { ACTIONS, type Action } from './news.ts';
export { parseNoticeTemplate } from './notice-template.ts';
export type { QueueAct } from './queue-acts.ts';
export { QueueActRefused, QueueControl, type QueuePlan, type QueueReport } from './queue-control.ts';
export type { DestinationFigures, QueueFigures, QueueSummary } from './queue-summary.ts';
export { quotedPrintable } from './quoted-printable.ts';
export { Scheduler } from './scheduler.ts';
export { notesOf, senderOf } from './stored-message.ts';
