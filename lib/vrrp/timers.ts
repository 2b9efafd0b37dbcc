import type { VrrpInstance } from '../config/model.ts';
import type { Millis } from '../util/time.ts';

/** Skew_Time: (256 - priority) / 256 of a second in version 2 (RFC 3768 §6.1), of the master's interval in 3 (RFC 9568 §6.1). */
export function skewTime(instance: VrrpInstance, priority: number, masterAdverInterval: Millis): Millis {
  return ((256 - priority) / 256) * (instance.version === 2 ? 1000 : masterAdverInterval);
}

/** Master_Down_Interval: down_timer_adverts (3 in the RFCs) intervals and the skew. */
export function masterDownInterval(instance: VrrpInstance, priority: number, masterAdverInterval: Millis): Millis {
  return instance.downTimerAdverts * masterAdverInterval + skewTime(instance, priority, masterAdverInterval);
}
