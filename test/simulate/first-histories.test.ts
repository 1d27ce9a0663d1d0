// Half of 5,000 histories; the others are in another file, since jest runs files beside each other.
import { testHistories } from './histories.ts';

testHistories(1);
