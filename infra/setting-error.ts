/** How a deployment refuses what it was configured with. */

/** A setting that cannot be used. The message is one line that names the setting, the value and what would be right. */
export class SettingError extends Error {
  constructor(name: string, value: unknown, rule: string) {
    super(`Setting ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}: ${rule}`);
    this.name = 'SettingError';
  }
}
