// The door of delivery/: the scheduler, and the operator's hand on the queue.

export { QueueControl } from './queue-control.ts';
export { Scheduler } from './scheduler.ts';
