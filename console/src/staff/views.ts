/** The pages of staff, loaded together. */
export { AttentionView } from "./attention.tsx";
export { BucketsView } from "./buckets.tsx";
export { HousekeepingView } from "./housekeeping.tsx";
