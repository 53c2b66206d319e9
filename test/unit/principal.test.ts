import { describe, expect, it } from '@jest/globals';
import { accountFor, actorOn, mayManage, type Principal, principalOf } from '../../src/auth/principal.js';

const of = (claims: object): Principal => principalOf({ sub: '42', ...claims })!;

describe('the role in an organization', () => {
  it.each(['owner', 'admin', 'billing', 'member'])('is the claim org_role: %s', (role) => {
    expect(of({ org_id: '7', org_role: role }).orgRole).toBe(role);
  });

  it.each([undefined, null, '', 'Owner', 'superuser', 'toString', 7, ['owner'], {}])('is member for %j', (role) => {
    expect(of({ org_id: '7', org_role: role }).orgRole).toBe('member');
  });

  it('means nothing without an organization', () => {
    expect(of({ org_role: 'owner' })).toEqual({ subject: '42', admin: false, account: 'user:42' });
  });
});

describe('managing an account', () => {
  const managers = ['owner', 'admin', 'billing'];

  it('is for platform administrators, whatever the account', () => {
    for (const account of ['user:42', 'user:1', 'org:7'])
      expect(mayManage(of({ role: 'admin', org_id: '9' }), account)).toBe(true);
  });

  it('is for a user on their own account, and on no other', () => {
    expect(mayManage(of({}), 'user:42')).toBe(true);
    expect(mayManage(of({}), 'user:1')).toBe(false);
    expect(mayManage(of({ org_role: 'owner' }), 'org:7')).toBe(false);
  });

  it.each([...managers, 'member', 'unknown', undefined])('of an organization is for its managers: %s', (role) => {
    const who = of({ org_id: '7', org_role: role });
    expect(mayManage(who, 'org:7')).toBe(managers.includes(role!));
    expect(mayManage(who, 'org:8')).toBe(false);
    expect(mayManage(who, 'user:42')).toBe(false);
  });
});

describe('the actor', () => {
  it.each([
    [{}, undefined, 'user:42'],
    [{ org_id: '7' }, undefined, 'user:42'],
    [{ role: 'admin' }, undefined, 'user:42'],
    [{ role: 'admin' }, 'user:42', 'user:42'],
    [{ role: 'admin' }, 'user:1', 'admin:42'],
    [{ roles: ['admin'], org_id: '7' }, 'org:7', 'user:42'],
    [{ roles: ['admin'], org_id: '7' }, 'user:42', 'admin:42'],
  ])('of %j on %j is %s', (claims, account, actor) => {
    const who = of(claims);
    expect(actorOn(who, accountFor(who, account))).toBe(actor);
  });
});
