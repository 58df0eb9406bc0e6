import { describe, expect, it } from 'vitest';
import { ConfigError, parsePrivateHosts } from '../../functions/config.ts';
import { checkPrivateHosts } from '../../infra/private-hosts.ts';
import { SettingError } from '../../infra/setting-error.ts';
import { parseContext, resolveSettings } from '../../infra/settings.ts';
import { createAuthority } from '../local/support/certificates.ts';
import { deploy, resourceNamed, resourcesOf } from './deployment.ts';

const authority = createAuthority('Contoso CA');
const host = (more: object = {}) => ({ host: 'sts.contoso.internal', ranges: ['10.20.0.0/16'], ...more });

describe('the setting privateHosts', () => {
  it.each(['sts.contoso.internal', 'exchange01', '10.20.0.5', 'fd00:1::5'])(
    'takes %s, as JSON text and as a prop',
    (name) => {
      const hosts = [host({ host: name, ranges: ['10.20.0.0/16', 'fd00:1::/64', '192.168.1.1/32'] })];

      expect(parseContext({ privateHosts: JSON.stringify(hosts) })).toEqual({ privateHosts: hosts });
      expect(resolveSettings({ privateHosts: hosts }).privateHosts).toEqual(hosts);
    },
  );

  it('takes the certificate of an authority', () => {
    const hosts = [host({ certificateAuthority: authority.cert })];

    expect(checkPrivateHosts(hosts)).toEqual(hosts);
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /must be a JSON array/],
    ['no list', { host: 'a' }, /must be a JSON array/],
    ['something else in the list', ['sts.contoso.internal'], /must be a JSON array/],
    ['a misspelt member', [host({ range: [] })], /no member "range"/],
    ['a URL', [host({ host: 'https://sts.contoso.internal' })], /host must be/],
    ['a port', [host({ host: 'sts.contoso.internal:8443' })], /host must be/],
    ['capitals', [host({ host: 'STS.contoso.internal' })], /host must be/],
    ['a dot at the end', [host({ host: 'sts.contoso.internal.' })], /host must be/],
    ['a wildcard', [host({ host: '*.contoso.internal' })], /host must be/],
    ['brackets', [host({ host: '[fd00:1::5]' })], /host must be/],
    ['a long form of an address', [host({ host: 'fd00:1:0:0::5' })], /host must be/],
    ['an address in another notation', [host({ host: '10.1300' })], /host must be/],
    ['a number that is an address', [host({ host: '169090600' })], /host must be/],
    ['an empty host', [host({ host: '' })], /host must be/],
    ['no ranges', [host({ ranges: [] })], /ranges of sts\.contoso\.internal/],
    ['a range that is an address', [host({ ranges: ['10.20.0.5'] })], /ranges of/],
    ['a range of everything', [host({ ranges: ['0.0.0.0/0'] })], /ranges of/],
    ['a range of all IPv6 addresses', [host({ ranges: ['::/0'] })], /ranges of/],
    ['a prefix that is too long', [host({ ranges: ['10.20.0.0/33'] })], /ranges of/],
    ['a range with a name', [host({ ranges: ['contoso.internal/16'] })], /ranges of/],
    ['a certificate that is none', [host({ certificateAuthority: 'MIIB' })], /certificateAuthority of/],
    ['a key', [host({ certificateAuthority: authority.key })], /certificateAuthority of/],
    ['a key behind a certificate', [host({ certificateAuthority: authority.cert + authority.key })], /exactly one/],
    ['two certificates', [host({ certificateAuthority: authority.cert.repeat(2) })], /exactly one/],
    ['a host twice', [host(), host({ ranges: ['10.30.0.0/16'] })], /names a host twice/],
    ['too much', [host({ ranges: Array(200).fill('10.20.0.0/16') })], /at most 2500 characters/],
  ])('refuses %s', (_, value, message) => {
    expect(() => parseContext({ privateHosts: value })).toThrow(message);
    expect(() => parseContext({ privateHosts: value })).toThrow(SettingError);
  });

  it('does not repeat what stands in place of a certificate', () => {
    const texts = [[host({ certificateAuthority: authority.key })], `[{"certificateAuthority": "${authority.key}"`];

    for (const value of texts) {
      expect(() => parseContext({ privateHosts: value })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(authority.key.slice(30, 60)) }),
      );
    }
  });

  it('reaches the function that fetches documents, and is understood there', () => {
    const hosts = [host({ certificateAuthority: authority.cert })];
    const environment = resourceNamed(resourcesOf(deploy({ privateHosts: hosts })), 'ServiceRefreshPartnersFunction')
      .Environment as { Variables: Record<string, string> };

    expect(parsePrivateHosts(environment.Variables.PRIVATE_HOSTS ?? '')).toEqual(hosts);
  });

  it.each(['{}', '[1]', '[{"host":"a"}]', '[{"host":"a","ranges":[1]}]'])('is no list of hosts as %s', (text) => {
    expect(() => parsePrivateHosts(text)).toThrow(ConfigError);
  });
});
