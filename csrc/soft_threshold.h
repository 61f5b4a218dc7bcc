// Where coordinate descent puts one coordinate.
#pragma once

#include <cmath>

namespace gs {
namespace {

// argmin_u  1/2 curve u^2 - z u + level |u|,   low <= u <= high,   for curve > 0.
inline double soft_threshold(double z, double level, double curve, double low, double high) {
    const double size = std::fabs(z) - level;
    const double to = size > 0 ? std::copysign(size, z) / curve : 0.0;
    return to < low ? low : (to > high ? high : to);
}

}  // namespace
}  // namespace gs
