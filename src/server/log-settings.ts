/** What of a configuration concerns the console lines of the logs. */
import type { LogSettings } from "../audit/error-log.js";
import type { Config } from "../config/config.js";

export function errorSettings({ log }: Config): LogSettings {
  return { level: log.errorLevel, format: log.format };
}

export function auditSettings({ log }: Config): LogSettings {
  return { level: log.auditLevel, format: log.format };
}
