/** For makers of compartments: the suite that every compartment passes. */
export { describeCompartment, type ConformanceSubject, type TestApi } from './conformance.ts';
