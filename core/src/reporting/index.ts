// The door of what plugins share that report once a day, public as `@posthouse/core/reporting`.

export {
  DailyReports,
  type DailyReportsOptions,
  type DailyReportsServices,
  type Day,
} from './daily-reports.ts';
export { mailtoAddress, tagsOf } from './record.ts';
export { Tally, talliedRow } from './tally.ts';
