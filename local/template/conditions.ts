/**
 * Condition functions of a template: Equals, And, Or, Not and references to other conditions.
 * Source: CloudFormation reference, "Condition functions".
 */

import type { Json } from '../service.ts';
import { StartError } from '../start-error.ts';

/** What evaluating a condition needs of the resolver. */
export interface ConditionScope {
  value(value: Json | undefined, where: string): Json | undefined;
  condition(name: string, where: string): boolean;
}

/** @throws StartError on a function that is no condition function, or has the wrong number of arguments. */
export function evaluateCondition(scope: ConditionScope, definition: Json, where: string): boolean {
  if (typeof definition === 'object' && definition !== null && !Array.isArray(definition)) {
    const [name, ...more] = Object.keys(definition);
    const argument = name === undefined ? undefined : definition[name];
    if (name === 'Condition' && typeof argument === 'string') return scope.condition(argument, where);
    if (more.length === 0 && Array.isArray(argument)) return applyFunction(scope, name ?? '', argument, where);
  }
  throw new StartError(`${where}: ${JSON.stringify(definition)} is not a condition`);
}

function applyFunction(scope: ConditionScope, name: string, operands: readonly Json[], where: string): boolean {
  const evaluate = (operand: Json): boolean => evaluateCondition(scope, operand, where);
  const [first, second] = operands;
  switch (name) {
    case 'Fn::Equals':
      if (operands.length !== 2) throw new StartError(`${where}: Fn::Equals wants two values`);
      return JSON.stringify(scope.value(first, where)) === JSON.stringify(scope.value(second, where));
    case 'Fn::Not':
      if (first === undefined || operands.length !== 1) throw new StartError(`${where}: Fn::Not wants one condition`);
      return !evaluate(first);
    case 'Fn::And':
      return operands.every(evaluate);
    case 'Fn::Or':
      return operands.some(evaluate);
    default:
      throw new StartError(`${where}: ${name} is not a condition function`);
  }
}
