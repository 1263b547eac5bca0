#include "app/cli/table.hpp"

#include <algorithm>

namespace gotthard::app {

void Table::add(std::vector<Cell> row) {
    row.resize(columns_.size(), Cell(""));
    for (auto& cell : row) cell.text = printable(cell.text);
    rows_.push_back(std::move(row));
}

std::vector<Cell> Table::titles() const {
    std::vector<Cell> row;
    for (const auto& column : columns_) row.emplace_back(std::string(column.title), Colour::dim);
    return row;
}

std::vector<std::size_t> Table::own_widths() const {
    std::vector<std::size_t> widths;
    for (const auto& column : columns_) widths.push_back(std::max(column.width, width_of(column.title)));
    return widths;
}

void Table::append_line(std::string& out, const Console& console, const std::vector<Cell>& row,
                        const std::vector<std::size_t>& widths) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::size_t used = width_of(row[i].text);
        const std::string pad(widths[i] > used ? widths[i] - used : 0, ' ');
        const bool right = columns_[i].align == Column::Align::right;
        if (right) out += pad;
        out += paint(console, row[i].colour, row[i].text);
        if (i + 1 == row.size()) break;
        if (!right) out += pad;
        out += "  ";
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
}

std::string Table::text(const Console& console) const {
    auto widths = own_widths();
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i].text));
    std::string out;
    append_line(out, console, titles(), widths);
    for (const auto& row : rows_) append_line(out, console, row, widths);
    return out;
}

std::string Table::title_line(const Console& console) const {
    std::string out;
    append_line(out, console, titles(), own_widths());
    return out;
}

std::string Table::line(const Console& console, const std::vector<Cell>& row) const {
    auto cells = row;
    for (auto& cell : cells) cell.text = printable(cell.text);
    cells.resize(columns_.size(), Cell(""));
    std::string out;
    append_line(out, console, cells, own_widths());
    return out;
}

}  // namespace gotthard::app
