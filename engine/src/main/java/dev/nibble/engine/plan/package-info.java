/**
 * From a network's graph to a plan: {@link dev.nibble.engine.plan.Lowering} cuts the graph into
 * fused stages, {@link dev.nibble.engine.plan.ExecutionPlan} lists every buffer with its life and
 * lays them into one slab. A plan is data: printed, limited and tested before anything is
 * allocated.
 */
@NullMarked
package dev.nibble.engine.plan;

import org.jspecify.annotations.NullMarked;
