// The relaxed-SIMD kernels: tiles.h and attend_tiles.h over the int8 dot of relaxed SIMD, compiled by clang 19 into a
// WASM module of its own, because Emscripten's LLVM 14 cannot emit that instruction. The module has
// no static data and no stack (any use of one traps); it works on the memory it imports and gets
// all arguments by pointer into it. web/relaxed_attach.cc embeds and attaches it.
#include "kernels/attend_tiles.h"

namespace thimble {
namespace {

struct Relaxed {
  static THIMBLE_INLINE v128_t dot4(v128_t w, v128_t a, v128_t sum) {
    return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, a, sum);
  }
};
using RelaxedDot = tiles::ByteDot<Relaxed>;

}  // namespace

// One dot of splatted operands, so that the caller learns what this machine's instruction does.
extern "C" __attribute__((export_name("probe"))) int32_t probe(int32_t weight, int32_t activation,
                                                               int32_t sum) {
  return wasm_i32x4_extract_lane(
      RelaxedDot::dot(wasm_i8x16_splat(static_cast<int8_t>(weight)),
                      wasm_i8x16_splat(static_cast<int8_t>(activation)), wasm_i32x4_splat(sum)),
      0);
}

extern "C" __attribute__((export_name("gemm"))) void gemm(const RowsI8* a, const MatrixI8* w,
                                                          const tiles::GemmOutput* out,
                                                          uint32_t flip) {
  tiles::multiply<RelaxedDot>(*a, a->cols * RelaxedDot::kBytes, *w, *out, flip);
}

extern "C" __attribute__((export_name("attend"))) void attend(const tiles::AttendTask* task) {
  tiles::attend<RelaxedDot>(*task);
}

}  // namespace thimble
