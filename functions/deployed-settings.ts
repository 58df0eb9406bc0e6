/** What a deployment has told its functions: settings and names, read from the environment once per execution environment. */

import { documentClient } from './adapters/aws-clients.ts';
import { ConfigError, DEFAULT_REALM, ENV, parseSettings, requireVariable, type Settings } from './config.ts';
import { isJwsAlgorithm, type JwsAlgorithm } from './core/algorithms.ts';
import type { RealmDefaults } from './core/realm.ts';

export const variable = (name: string): string => requireVariable(process.env, name);

export const loadSettings = (): Settings => parseSettings(variable(ENV.settings));

const parseAlgorithms = ({ algorithms }: Settings): readonly [JwsAlgorithm, ...JwsAlgorithm[]] => {
  const [first, ...rest] = algorithms.map((name) => {
    if (!isJwsAlgorithm(name)) throw new ConfigError(`setting algorithms names ${name}, which is not known`);
    return name;
  });
  if (first === undefined) throw new ConfigError('setting algorithms is empty');
  return [first, ...rest];
};

export const realmDefaults = (settings: Settings): RealmDefaults => {
  const mutualTlsUrl = process.env[ENV.mutualTlsUrl];
  return {
    defaultRealm: DEFAULT_REALM,
    baseUrl: variable(ENV.issuer),
    algorithms: parseAlgorithms(settings),
    accessTokenSeconds: settings.accessTokenSeconds,
    assertionSeconds: settings.assertionSeconds,
    ...(mutualTlsUrl === undefined ? {} : { mutualTlsUrl }),
  };
};

export const readerOptions = (settings: Settings) => ({
  client: documentClient(),
  table: variable(ENV.registryTable),
  cacheSeconds: settings.registryCacheSeconds,
});
