// Aligned columns of text for a terminal. Cells are made printable; the last column is never padded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/cli/console.hpp"

namespace gotthard::app {

struct Column {
    std::string_view title;
    enum class Align : unsigned char { left, right } align = Align::left;
    std::size_t width = 0;  ///< At least so many columns; for lines that are printed as they come.
};

struct Cell {
    Cell(std::string text_, Colour colour_ = Colour::plain) : text(std::move(text_)), colour(colour_) {}
    Cell(std::string_view text_) : text(text_) {}
    Cell(const char* text_) : text(text_) {}
    std::string text;
    Colour colour = Colour::plain;
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    void add(std::vector<Cell> row);
    std::size_t size() const { return rows_.size(); }
    /// Title line and rows.
    std::string text(const Console& console) const;
    /// The title line at the columns' own widths, and one row likewise.
    std::string title_line(const Console& console) const;
    std::string line(const Console& console, const std::vector<Cell>& row) const;

private:
    void append_line(std::string& out, const Console& console, const std::vector<Cell>& row,
                     const std::vector<std::size_t>& widths) const;
    std::vector<Cell> titles() const;
    std::vector<std::size_t> own_widths() const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace gotthard::app
